// Looks for what people look for, in one frame, and says in which state it is: called by Rust in a world of its own,
// whose functions the page's scripts cannot change. What roles and names are, Chromium says itself (computedRole,
// computedName: behind a flag that we start it with), where HTML leaves any doubt. It keeps an outline of the whole page for
// that, or makes it anew for each answer: with `query.bare` it keeps none yet, and is not asked before it does.
// With `most` milliseconds to wait it looks again whenever something changes, until it is as it should be.
async (query, doing, value, most) => {
  const GLANCE = 50, LOOKS_APART = 16;
  // Nobody's next press comes sooner than that, once he has left what he changed: he has to see first what he has done.
  const REACTION = 150;
  const WORDS_MAX = 80, NEAR_MAX = 6, TRIED_MAX = 6, VALUE_MAX = 4096, FACE_MAX = 1000;
  const PRESSABLE = 'button,a[href],area[href],summary,input[type=button],input[type=submit],input[type=reset],' +
    'input[type=image],[role=button],[role=link],[role=tab],[role=menuitem],[role=option],[role=checkbox],' +
    '[role=radio],[role=switch],label,[onclick]';
  const FIELDS = 'input:not([type=hidden]),textarea,select,[contenteditable=""],[contenteditable=true],' +
    '[role=textbox],[role=searchbox],[role=combobox],[role=checkbox],[role=radio],[role=switch],[role=slider],' +
    '[role=spinbutton],[role=listbox]';
  // What has a role by itself; everything else says so.
  const ROLES = {
    button: 'button,summary,input', link: 'a,area', heading: 'h1,h2,h3,h4,h5,h6', checkbox: 'input', radio: 'input',
    textbox: 'input,textarea,[contenteditable]', image: 'img,svg,[role=img]', combobox: 'select,input',
    searchbox: 'input', slider: 'input', spinbutton: 'input', switch: 'input', listbox: 'select', option: 'option',
    list: 'ul,ol,menu', listitem: 'li', navigation: 'nav', main: 'main', banner: 'header', contentinfo: 'footer',
    complementary: 'aside', region: 'section', form: 'form', search: 'search', article: 'article', figure: 'figure',
    table: 'table', row: 'tr', cell: 'td', gridcell: 'td', columnheader: 'th', rowheader: 'th', rowgroup: 'thead,tbody,tfoot',
    group: 'fieldset,details,optgroup', dialog: 'dialog', status: 'output', progressbar: 'progress', meter: 'meter',
    paragraph: 'p', separator: 'hr', term: 'dt,dfn', definition: 'dd', blockquote: 'blockquote', code: 'code',
    caption: 'caption,figcaption', deletion: 'del,s', insertion: 'ins', emphasis: 'em', strong: 'strong', mark: 'mark',
    math: 'math', time: 'time', subscript: 'sub', superscript: 'sup', document: 'html',
  };
  // What a press would be for, rather than for what it lies in.
  const PRESSED = 'a[href],button,input,select,textarea,label,summary,[role=button],[role=link],[onclick]';
  const squeeze = text => (text || '').replace(/\s+/g, ' ').trim();
  const fold = text => squeeze(text).toLowerCase();
  const short = text => text.length > WORDS_MAX ? text.slice(0, WORDS_MAX - 1) + '…' : text;
  const plain = role => ({ img: 'image', none: '', presentation: '', generic: '' })[role] ?? role ?? '';
  // What is asked about an element is asked once a look: Chromium takes its time to answer.
  const memos = [];
  const once = ask => {
    const told = new Map();
    memos.push(told);
    return el => {
      if (!told.has(el)) told.set(el, ask(el));
      return told.get(el);
    };
  };
  // What HTML alone says of an element: nothing, where anybody else may have a say.
  const MARKED = /^(aria-.*|role|title|alt|list|switch)$/;
  const marked = el => el.getAttributeNames().some(name => MARKED.test(name));
  const LANDMARK = /^(main|navigation|banner|contentinfo|complementary|region|form|search|dialog|article|group)$/;
  const HIDES = '[aria-hidden],[inert],button,summary,option,svg,canvas,details,select';
  const hidden = el => {
    for (let at = el.parentElement; at; at = at.parentElement) {
      if (at.matches(HIDES) || at.hasAttribute('role') && !LANDMARK.test(at.getAttribute('role'))) return true;
    }
    return unseen(el) || el.getRootNode() !== document || document.querySelector(':modal,:fullscreen') !== null;
  };
  const drawn = el => ['::before', '::after'].some(part => !/^(none|normal)$/.test(getComputedStyle(el, part).content));
  // What stands in it, if it is nothing but text beside that one element.
  const plainly = (el, beside) => {
    const parts = [...el.childNodes].filter(part => part !== beside && part.nodeType !== Node.COMMENT_NODE);
    if (parts.some(part => part.nodeType !== Node.TEXT_NODE) || drawn(el)) return '';
    return getComputedStyle(el).textTransform === 'none' ? squeeze(parts.map(part => part.data).join('')) : '';
  };
  const TYPED = /^(text|email|tel|url|password)$/, TICKED = /^(checkbox|radio)$/;
  const kind = el => {
    if (el.localName === 'button') return 'button';
    if (el.matches('a[href]')) return 'link';
    if (/^h[1-6]$/.test(el.localName)) return 'heading';
    if (el.localName === 'textarea') return 'textbox';
    if (el.localName !== 'input') return null;
    return TYPED.test(el.type) ? 'textbox' : TICKED.test(el.type) ? el.type : null;
  };
  const html = el => {
    const role = kind(el);
    if (!role || marked(el) || hidden(el)) return null;
    const labels = [...el.labels ?? []], [label] = labels, field = /^(input|textarea)$/.test(el.localName);
    if (labels.length !== (field ? 1 : 0) || label && (marked(label) || hidden(label))) return null;
    const name = plainly(label ?? el, el);
    return name ? { role, name } : null;
  };
  const UNHEARD = {};
  const outlined = el => {
    if (query.bare) throw UNHEARD;
    return el;
  };
  // What is not to be seen has no name and no role for anybody; we look for it all the same, to say so.
  const unseen = el => !el.checkVisibility({ visibilityProperty: true });
  const roleOf = el => html(el)?.role ?? plain(outlined(el).computedRole), role = once(roleOf);
  const nameOf = el => html(el)?.name ?? (squeeze(outlined(el).computedName) || squeeze(el.getAttribute('placeholder')) ||
    (unseen(el) ? squeeze(el.getAttribute('aria-label') ?? el.textContent) : ''));
  const name = once(nameOf);

  // Elements in the order of the page, those in open shadow trees too.
  const deep = function* (root, css) {
    const fit = new Set(root.querySelectorAll(css));
    if (root.shadowRoot) yield* deep(root.shadowRoot, css);
    for (const el of root.querySelectorAll('*')) {
      if (fit.has(el)) yield el;
      if (el.shadowRoot) yield* deep(el.shadowRoot, css);
    }
  };
  // What lies around it as it is shown.
  const around = el => el.assignedSlot ?? el.parentElement ?? el.getRootNode().host ?? null;
  const closest = (el, css) => {
    for (let at = el; at; at = around(at)) if (at.matches?.(css)) return at;
    return null;
  };
  // Whether `inner` lies in `outer`, shadow trees included.
  const within = (inner, outer) => {
    for (let at = inner; at; at = at.parentNode ?? at.host) if (at === outer) return true;
    return false;
  };

  const box = el => el.getBoundingClientRect();
  const wide = () => document.documentElement.clientWidth, high = () => window.innerHeight;
  // What is left of a stretch between two edges.
  const cut = ([low, high], [from, to]) => [Math.max(low, from), Math.min(high, to)];
  const left = ([low, high], size) => high - low >= Math.min(1, size);
  // Where what lies in a box can be scrolled to, if people can scroll it.
  const range = (from, size, scrolled, whole, style) => style.direction === 'rtl'
    ? [from + size - scrolled - whole, from + size - scrolled] : [from - scrolled, from - scrolled + whole];
  const shut = flow => flow === 'hidden' || flow === 'clip';
  const blank = style => /^inset\((50|100)%\)$/.test(style.clipPath) || /^rect\((0|1)px(,? \1px){3}\)$/.test(style.clip);
  // Fixed to it, not to the screen.
  const holds = style => style.transform !== 'none' || style.filter !== 'none' || style.perspective !== 'none' ||
    /paint|layout|strict|content/.test(style.contain);
  // Whether people can see it, with scrolling if need be: `seen`, `hidden`, or `aside` of the screen for good.
  const whereabouts = el => {
    if (!el.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return 'hidden';
    const own = box(el), page = document.documentElement, flows = getComputedStyle(page);
    if (!(own.width > 0 && own.height > 0)) return 'hidden';
    // The body's way to scroll is the screen's, unless the page has its own.
    const body = flows.overflowX === 'visible' && flows.overflowY === 'visible' ? document.body : null;
    let x = [own.left, own.right], y = [own.top, own.bottom], style = getComputedStyle(el), place = style.position;
    const lost = () => !left(x, own.width) || !left(y, own.height);
    // Above all others, and cut by none.
    const above = el => el.matches(':modal,:popover-open');
    if (blank(style)) return 'hidden';
    for (let at = el, up; (up = around(at)) && up !== page; at = up) {
      if (above(at)) {
        place = 'fixed';
        break;
      }
      style = getComputedStyle(up);
      if (blank(style)) return 'hidden';
      // What is taken out of the flow is cut by what it is placed in, and by nothing between.
      if (place === 'fixed' && !holds(style) || place === 'absolute' && style.position === 'static' && !holds(style)) continue;
      place = style.position;
      if (up === body || style.display === 'contents' || style.display === 'inline') continue;
      const { left: from, right, top, bottom } = box(up);
      if (style.overflowX !== 'visible') {
        const scrolls = !shut(style.overflowX) && up.scrollWidth > up.clientWidth;
        if (scrolls && left(cut(x, range(from, up.clientWidth, up.scrollLeft, up.scrollWidth, style)), own.width)) x = [from, right];
        else x = cut(x, [from, right]);
      }
      if (style.overflowY !== 'visible') {
        const scrolls = !shut(style.overflowY) && up.scrollHeight > up.clientHeight;
        if (scrolls && left(cut(y, [top - up.scrollTop, top - up.scrollTop + up.scrollHeight]), own.height)) y = [top, bottom];
        else y = cut(y, [top, bottom]);
      }
      if (lost()) return right - from < 1 || bottom - top < 1 ? 'hidden' : 'aside';
    }
    const root = body ? getComputedStyle(body) : flows, fixed = place === 'fixed';
    const screen = (flow, edge, reach) => fixed || shut(flow) ? edge : [Math.min(edge[0], reach[0]), Math.max(edge[1], reach[1])];
    x = cut(x, screen(root.overflowX, [0, wide()], range(0, wide(), scrollX, page.scrollWidth, flows)));
    y = cut(y, screen(root.overflowY, [0, high()], [-scrollY, page.scrollHeight - scrollY]));
    if (lost()) return 'aside';
    // So small is what is meant for screen readers.
    return x[1] - x[0] <= 1 && y[1] - y[0] <= 1 ? 'hidden' : 'seen';
  };
  const place = once(whereabouts), visible = el => place(el) === 'seen';

  // The innermost elements that show this text.
  const tight = text => text.replace(/\s+/g, '').toUpperCase();
  const showing = (root, want) => {
    const out = [], close = tight(want), hosts = new Set();
    // What a shadow tree lies in does not count its text.
    const mark = root => {
      for (const el of root.querySelectorAll('*')) {
        if (!el.shadowRoot) continue;
        for (let up = el; up && !hosts.has(up); up = up.parentElement) hosts.add(up);
        mark(el.shadowRoot);
      }
    };
    mark(root);
    if (root.shadowRoot) mark(root.shadowRoot);
    const descend = el => {
      if (/^(SCRIPT|STYLE|NOSCRIPT|TEMPLATE|HEAD)$/.test(el.tagName)) return false;
      // Cheaper than what is shown, and never less.
      if (!hosts.has(el) && !tight(el.textContent).includes(close)) return false;
      const inside = [...el.shadowRoot?.children ?? [], ...el.children].filter(descend).length > 0;
      if (inside) return true;
      const shown = el.shadowRoot ? el.shadowRoot.textContent : el.innerText ?? el.textContent;
      if (!fold(shown).includes(want)) return false;
      out.push(el);
      return true;
    };
    for (const el of [...root.shadowRoot?.children ?? [], ...root.children]) descend(el);
    return out;
  };
  // A question of a name may take Chromium a millisecond or several: only what may be meant is asked about.
  const SAYING = ['aria-label', 'title', 'alt', 'placeholder', 'value'];
  const said = el => {
    const all = [el, ...el.querySelectorAll('[aria-label],[title],[alt],[placeholder],[value]'), ...el.labels ?? []];
    const by = (el.getAttribute('aria-labelledby') ?? '').split(/\s+/).filter(Boolean);
    all.push(...by.map(id => el.getRootNode().getElementById?.(id)).filter(Boolean));
    const texts = all.flatMap(one => [one === el || !el.contains(one) ? one.textContent : '', ...SAYING.map(key => one.getAttribute(key))]);
    return tight(texts.join(' '));
  };
  // What shows other texts than its own: slots, shadow trees, the browser's own words, style sheets.
  const saysMore = el => el.shadowRoot || el.querySelector('slot') || /^(submit|reset|image|file)$/.test(el.type) ||
    ['::before', '::after'].some(part => /["']/.test(getComputedStyle(el, part).content));
  const maySay = (el, want) => {
    const all = said(el);
    return want.split(' ').every(word => all.includes(tight(word))) || saysMore(el);
  };
  // A field is also what stands in it, whatever screen readers are told.
  const calls = el => [name(el), el.getAttribute('placeholder')].map(fold);
  // How well each fits, the best 0; those that do not fit are left out.
  const named = (found, want) => found.filter(el => maySay(el, want)).map(el => [el, calls(el)])
    .filter(([, names]) => names.some(name => name.includes(want)))
    .map(([el, names]) => [el, names.includes(want) ? 0 : 2]);
  const alike = found => [...found].map(el => [el, 0]);
  // What nobody marked as a button, and looks like one under the mouse.
  const inviting = (el, want) => fold(el.innerText) === want && getComputedStyle(el).cursor === 'pointer';
  const candidates = (query, root) => {
    if (query.css) return alike(deep(root, query.css));
    if (query.role) {
      const wanted = plain(query.role);
      const all = [...deep(root, (ROLES[wanted] ?? '') + (ROLES[wanted] ? ',' : '') + `[role~="${CSS.escape(wanted)}"]`)];
      const want = fold(query.name), may = query.name ? all.filter(el => maySay(el, want)) : all;
      const found = may.filter(el => role(el) === wanted || unseen(el) && wanted in ROLES && query.name);
      return query.name ? named(found, want) : alike(found);
    }
    if (query.label) return named([...deep(root, FIELDS)], fold(query.label));
    if (query.text) return alike(showing(root, fold(query.text)));
    const want = fold(query.named);
    if (query.field) return named([...deep(root, FIELDS)], want);
    const found = named([...deep(root, PRESSABLE)], want);
    if (found.some(([el, fit]) => fit === 0 && visible(el))) return found;
    const texts = showing(root, want);
    const more = texts.filter(el => inviting(el, want) && !closest(el, PRESSABLE)).map(el => [el, 1]);
    if (found.length || more.length) return [...found, ...more];
    return texts.map(el => [el, fold(el.innerText ?? el.textContent) === want ? 0 : 2]);
  };
  // Those that fit best of those that are to be seen; where none is, of all. With `nth`, that one.
  const pick = query => {
    const root = query.inside ? pick(query.inside)[0] : document;
    if (!root) return [];
    const found = candidates(query, root);
    const best = all => all.reduce((best, [, fit]) => Math.min(best, fit), 9);
    let pool = found.filter(([el]) => visible(el));
    // What fits better may be about to be shown.
    if (!pool.length || query.patient && best(pool) > best(found)) pool = found;
    const least = best(pool);
    const same = pool.filter(([, fit]) => fit === least).map(([el]) => el);
    return query.nth ? same.slice(query.nth - 1, query.nth) : same;
  };

  const words = el => {
    const kind = role(el) || el.tagName.toLowerCase();
    const said = name(el) || squeeze(el.innerText) || el.id && '#' + el.id || typeof el.className === 'string' &&
      el.className && '.' + el.className.split(' ')[0] || '';
    return said ? `${kind} “${short(said)}”` : kind;
  };
  const frame = () => new Promise(done => {
    const late = setTimeout(done, 100);
    requestAnimationFrame(() => { clearTimeout(late); done(); });
  });
  const at = (x, y) => {
    let hit = document.elementFromPoint(x, y);
    for (let inner; hit?.shadowRoot && (inner = hit.shadowRoot.elementFromPoint(x, y)) && inner !== hit;) hit = inner;
    return hit;
  };
  const shown = ({ top, bottom, left, right }) => top >= 0 && left >= 0 && bottom <= high() && right <= wide();
  // What a frame shows may itself lie beside the screen, which only Chromium knows.
  const whole = el => window === window.top ? shown(box(el)) : new Promise(done => {
    const late = setTimeout(() => done(false), 100);
    new IntersectionObserver(([{ intersectionRatio }], observer) => {
      clearTimeout(late);
      observer.disconnect();
      done(intersectionRatio > 0.99);
    }).observe(el);
  });
  const reveal = async el => {
    if (query.covered || !await whole(el)) el.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
  };
  // What lies there, by the part of the page that it belongs to.
  const lid = hit => hit ? words(closest(hit, '[role],dialog,section,aside,header,footer,nav,[id]') ?? hit) : '';

  // Whoever names things asks with a function instead of a value, and is answered before anything can change.
  if (doing === 'name') {
    const seen = el => whereabouts(el) === 'seen';
    const tools = { name: nameOf, role: roleOf, html, squeeze, closest, within, visible: seen, PRESSABLE, FIELDS };
    return value(pick(query), tools);
  }

  // What it is, and whether that can be done with it; if so, where.
  const attempt = async own => {
    // A box that is drawn by its label is ticked by its label.
    const label = visible(own) ? null : [...own.labels ?? []].find(visible);
    const el = label ?? own;
    const facts = () => ({
      // Whoever only looks says nothing of it.
      words: /^(look|read)$/.test(doing) ? '' : words(own),
      // The value of a list's line is a number.
      value: (typeof own.value === 'string' ? own.value : squeeze(own.innerText)).slice(0, VALUE_MAX),
      checked: own.checked ?? own.getAttribute('aria-checked') === 'true',
      // Whether it reacts to what is done with it.
      face: (own.cloneNode(false).outerHTML + squeeze(own.textContent)).slice(0, FACE_MAX),
    });
    const as = (state, more) => ({ state, ...facts(), ...more });
    if (own.type === 'file' && doing === 'upload') {
      globalThis.chosen = own;   // in this world of ours alone
      return as(own.matches(':disabled') ? 'disabled' : 'ready');
    }
    if (!visible(el)) return as(place(el));
    if (doing === 'look' || doing === 'read') return as('ready');
    if (doing === 'picture') {
      await reveal(el);
      await frame();
      const { x, y, width, height } = box(el);
      return as('ready', { x, y, wide: width, high: height });
    }
    if (doing !== 'scroll') {
      if (own.matches(':disabled') || closest(own, '[aria-disabled=true],[inert]')) return as('disabled');
      if (doing === 'fill' && own.readOnly) return as('disabled');
    }
    await reveal(el);
    if (doing === 'scroll') return as('ready');
    const before = box(el);
    // Nobody aims at what he types into: that it comes in, or goes out, is all that is waited for.
    const aims = !/^(fill|select)$/.test(doing);
    if (aims || document.getAnimations().some(({ effect }) => effect?.target && within(el, effect.target))) {
      await frame();
      await frame();
    }
    const now = box(el);
    const still = ['top', 'left', 'width', 'height'].every(side => Math.abs(before[side] - now[side]) < 1);
    if (!el.isConnected || !still) return as('moving');
    const clip = (low, top, most) => (Math.max(low, 0) + Math.min(top, most)) / 2;
    // The middle of its first line, as far as it is on the screen; else where its lines begin and end.
    const lines = [...el.getClientRects()].slice(0, 8), line = lines[0] ?? now;
    const points = [[clip(line.left, line.right, wide()), clip(line.top, line.bottom, high())]];
    for (const { left, right, top, bottom } of lines) {
      const inset = Math.min(4, (right - left) / 2), middle = clip(top, bottom, high());
      points.push([left + inset, middle], [right - inset, middle]);
    }
    const ours = hit => hit && (within(hit, el) || within(hit, own) || [...own.labels ?? []].some(label => within(hit, label)) ||
      within(el, hit) && closest(hit, 'a,button,label') === hit);
    // A link in a label is pressed for itself.
    const another = hit => {
      const pressed = closest(hit, PRESSED);
      return pressed && pressed !== el && pressed !== own && within(pressed, el);
    };
    const free = points.filter(([x, y]) => ours(at(x, y)));
    const point = free.find(([x, y]) => !another(at(x, y))) ?? (label ? undefined : free[0]);
    const [x, y] = point ?? points[0];
    if (!point) {
      const hit = at(x, y);
      // What stands at the edge of the screen is scrolled away from: then it is looked at again.
      el.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
      return as('covered', { by: lid(hit) });
    }
    const changed = () => {
      ['input', 'change'].forEach(type => own.dispatchEvent(new Event(type, { bubbles: true })));
      globalThis.changed = performance.now();
    };
    // What is chosen and not typed is set; what is typed gets the focus, with all that stands in it selected.
    if (doing === 'fill') {
      own.focus();
      if (/^(date|time|month|week|datetime-local|color|range)$/.test(own.type)) {
        own.value = value;
        changed();
        return as(own.value === value ? 'done' : 'refused');
      }
      if (own.isContentEditable) getSelection().selectAllChildren(own);
      else own.select?.();
    }
    if (doing === 'select') {
      const options = [...own.options ?? []].filter(option => !option.disabled);
      const want = fold(value), shown = option => fold(option.label || option.text);
      const option = options.find(option => shown(option) === want) ?? options.find(option => shown(option).includes(want));
      if (!option) return as('refused', { near: options.slice(0, NEAR_MAX).map(option => short(squeeze(option.label))) });
      own.focus();
      if (own.multiple) option.selected = true;
      else own.selectedIndex = option.index;
      changed();
      return as('done');
    }
    return as('ready', { x, y });
  };

  const pause = ms => new Promise(done => setTimeout(done, ms));
  const look = async () => {
    // By a timer of the page: whatever was to happen in it until then has happened, on the busiest machine.
    const early = () => globalThis.changed + REACTION - performance.now();
    while (doing === 'click' && early() > 0) await pause(early());
    memos.forEach(told => told.clear());
    if (doing === 'over') return { state: 'covered', by: lid(at(query.x, query.y)) };
    if (doing === 'near') {
      const root = query.inside ? pick(query.inside)[0] : document;
      const all = root ? deep(root, query.field || query.label ? FIELDS : PRESSABLE) : [], near = new Set();
      for (const el of all) {
        if (near.size >= NEAR_MAX) break;
        if (visible(el) && name(el)) near.add(short(name(el)));
      }
      return { state: 'none', near: [...near] };
    }
    const found = pick(query);
    if (doing === 'gone') {
      const there = found.find(visible);
      return { state: there ? 'there' : 'gone' };
    }
    // Whoever cannot press the first of several that look the same presses the next.
    let first;
    for (const own of found.slice(0, TRIED_MAX)) {
      const answer = await attempt(own);
      if (answer.state !== 'aside' && answer.state !== 'covered') return answer;
      first ??= answer;
    }
    return first ?? { state: 'none' };
  };

  const enough = doing === 'gone' ? ['gone'] : ['ready', 'done'];
  const until = performance.now() + (most ?? 0), frames = window.length;
  // What changes while it is looked is looked at again, too.
  let stirred = false, stir = () => {};
  const watch = new MutationObserver(() => { stirred = true; stir(); });
  if (most) watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  try {
    for (;;) {
      const begun = performance.now();
      stirred = false;
      const answer = await look();
      // Another frame is another place to look, and whoever sees them all looks there.
      if (enough.includes(answer.state) || performance.now() >= until || window.length !== frames) return answer;
      // Not everything that changes is told: what moves, what is drawn by style sheets, what lies in shadow.
      const change = new Promise(done => { stir = done; });
      if (!stirred) await Promise.race([change, pause(Math.min(GLANCE, until - performance.now()))]);
      // Once the page has said all, and before it is drawn.
      await scheduler.postTask(() => {}, { priority: 'user-blocking' });
      const early = begun + LOOKS_APART - performance.now();
      if (early > 0) await pause(early);
    }
  } catch (thrown) {
    if (thrown !== UNHEARD) throw thrown;
    return { state: 'unheard' };
  } finally {
    watch.disconnect();
  }
}
