// Looks for what people look for, in one frame, and says in which state it is: called by Rust in a world of its own,
// whose functions the page's scripts cannot change. What roles and names are, Chromium says itself (computedRole,
// computedName: behind a flag that we start it with).
async (query, doing, value) => {
  const WORDS_MAX = 80, NEAR_MAX = 6, FACE_MAX = 1000;
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
  };
  const squeeze = text => (text || '').replace(/\s+/g, ' ').trim();
  const fold = text => squeeze(text).toLowerCase();
  const short = text => text.length > WORDS_MAX ? text.slice(0, WORDS_MAX - 1) + '…' : text;
  const role = el => ({ img: 'image', none: '', generic: '' })[el.computedRole] ?? el.computedRole ?? '';
  // What is not to be seen has no name and no role for anybody; we look for it all the same, to say so.
  const unseen = el => !el.checkVisibility({ visibilityProperty: true });
  const name = el => squeeze(el.computedName) || squeeze(el.getAttribute('placeholder')) ||
    (unseen(el) ? squeeze(el.getAttribute('aria-label') ?? el.textContent) : '');

  // A field is also what stands in it, whatever screen readers are told.
  const calls = el => [name(el), el.getAttribute('placeholder')].map(fold);

  // Elements in the order of the page, those in open shadow trees too.
  const deep = function* (root, css) {
    yield* root.querySelectorAll(css);
    for (const el of root.querySelectorAll('*')) if (el.shadowRoot) yield* deep(el.shadowRoot, css);
  };
  const children = el => [...(el.shadowRoot ?? el).children];
  // Each question of a role or a name takes Chromium a millisecond or several: only what may be meant is asked about.
  const SAYING = ['aria-label', 'title', 'alt', 'placeholder', 'value'];
  const said = el => {
    const all = [el, ...el.querySelectorAll('[aria-label],[title],[alt],[placeholder],[value]'), ...el.labels ?? []];
    const by = (el.getAttribute('aria-labelledby') ?? '').split(/\s+/).filter(Boolean);
    all.push(...by.map(id => el.getRootNode().getElementById?.(id)).filter(Boolean));
    const texts = all.flatMap(one => [one === el || !el.contains(one) ? one.textContent : '', ...SAYING.map(key => one.getAttribute(key))]);
    return fold(texts.join(' '));
  };
  // What shows other texts than its own (slots, shadow trees, the browser's own words, style sheets).
  const speaksOtherwise = el => el.shadowRoot || el.querySelector('slot') || /^(submit|reset|image|file)$/.test(el.type) ||
    ['::before', '::after'].some(part => /["']/.test(getComputedStyle(el, part).content));
  const holds = (text, want) => want.split(' ').every(word => text.includes(word));
  const mayBe = (el, want) => holds(said(el), want) || speaksOtherwise(el);

  // The innermost elements that show this text.
  const showing = (root, want) => {
    const out = [], hosts = new Set();
    // What a shadow tree lies in does not count its text.
    const mark = root => {
      for (const el of root.querySelectorAll('*')) {
        if (!el.shadowRoot) continue;
        for (let up = el; up && !hosts.has(up); up = up.parentElement) hosts.add(up);
        mark(el.shadowRoot);
      }
    };
    mark(root);
    const descend = el => {
      if (/^(SCRIPT|STYLE|NOSCRIPT|TEMPLATE|HEAD)$/.test(el.tagName)) return false;
      if (!hosts.has(el) && !holds(fold(el.textContent), want)) return false;
      const inside = children(el).filter(descend).length > 0;
      if (inside) return true;
      const shown = el.shadowRoot ? el.shadowRoot.textContent : el.innerText ?? el.textContent;
      if (!fold(shown).includes(want)) return false;
      out.push(el);
      return true;
    };
    for (const el of root.children ?? []) descend(el);
    return out;
  };
  const named = (found, want) => {
    const called = found.filter(el => mayBe(el, want)).map(el => [el, calls(el)]);
    const same = called.filter(([, names]) => names.includes(want));
    return (same.length ? same : called.filter(([, names]) => names.some(name => name.includes(want)))).map(([el]) => el);
  };
  const roled = (query, root) => {
    const own = query.role in ROLES ? ROLES[query.role] + ',' : '';
    const all = [...deep(root, own + `[role~="${CSS.escape(query.role)}"]`)];
    if (query.name) {
      const want = fold(query.name);
      const may = all.filter(el => mayBe(el, want));
      return named(may.filter(el => role(el) === query.role || unseen(el) && query.role in ROLES), want);
    }
    const found = [];
    // Whoever names things wants them all.
    for (let left = doing === 'name' ? Infinity : query.nth ?? 1, at = 0; left > 0 && at < all.length; at++) {
      if (role(all[at]) !== query.role) continue;
      found.push(all[at]);
      if (visible(all[at])) left--;
    }
    return found;
  };
  const candidates = (query, root) => {
    if (query.css) return [...deep(root, query.css)];
    if (query.role) return roled(query, root);
    if (query.label) return named([...deep(root, FIELDS)], fold(query.label));
    if (query.text) return showing(root, fold(query.text));
    const want = fold(query.named);
    if (query.field) return named([...deep(root, FIELDS)], want);
    const found = named([...deep(root, PRESSABLE)], want);
    return found.length ? found : showing(root, want);
  };

  const box = el => el.getBoundingClientRect();
  const visible = el => {
    const { width, height } = box(el);
    return el.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && width > 0 && height > 0;
  };
  const words = el => {
    const kind = role(el) || el.tagName.toLowerCase();
    const said = name(el) || squeeze(el.innerText) || el.id && '#' + el.id || typeof el.className === 'string' &&
      el.className && '.' + el.className.split(' ')[0] || '';
    return said ? `${kind} “${short(said)}”` : kind;
  };
  const closest = (el, css) => {
    for (let at = el; at; at = at.parentElement ?? at.getRootNode().host) if (at.matches?.(css)) return at;
    return null;
  };
  // Whether `inner` lies in `outer`, shadow trees included.
  const within = (inner, outer) => {
    for (let at = inner; at; at = at.parentNode ?? at.host) if (at === outer) return true;
    return false;
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
  // People can scroll sideways only where a page lets them.
  const sideways = el => {
    for (let up = el.parentElement; up; up = up.parentElement) {
      const root = up === document.documentElement || up === document.body;
      const flow = getComputedStyle(up).overflowX;
      const lets = root ? flow !== 'hidden' && flow !== 'clip' : flow === 'auto' || flow === 'scroll';
      if (!root && !lets && (flow === 'hidden' || flow === 'clip') && box(up).right <= box(el).left) return false;
      if (lets && up.scrollWidth > up.clientWidth) return true;
      if (root && !lets) return false;
    }
    return false;
  };

  let root = document;
  if (query.inside) {
    root = candidates(query.inside, document).find(visible);
    if (!root) return { state: 'none', near: [] };
  }
  let found = candidates(query, root);
  const seen = found.filter(visible);
  if (seen.length) found = seen;
  // Whoever names things asks with a function instead of a value, and is answered before anything can change.
  if (doing === 'name') return value(found, { name, role, squeeze, closest, within, visible, PRESSABLE, FIELDS });
  let el = found[(query.nth ?? 1) - 1];
  if (doing === 'gone') return { state: seen.length ? 'there' : 'gone', words: seen.length ? words(seen[0]) : '' };
  if (!el) {
    const near = new Set();
    for (const other of deep(root, query.field || query.label ? FIELDS : PRESSABLE)) {
      if (near.size >= NEAR_MAX) break;
      if (visible(other) && name(other)) near.add(short(name(other)));
    }
    return { state: 'none', near: [...near] };
  }
  const own = el;
  // A box that is drawn by its label is ticked by its label.
  if (!visible(el) && el.labels?.length && visible(el.labels[0])) el = el.labels[0];
  const facts = () => ({
    // The value of a list's line is a number.
    words: words(own), value: typeof own.value === 'string' ? own.value : squeeze(own.innerText),
    checked: own.checked ?? own.getAttribute('aria-checked') === 'true',
    // Whether it reacts to what is done with it.
    face: (own.cloneNode(false).outerHTML + squeeze(own.textContent)).slice(0, FACE_MAX),
  });
  if (own.type === 'file' && doing === 'upload') {
    globalThis.chosen = own;   // in this world of ours alone
    return own.matches(':disabled') ? { state: 'disabled', ...facts() } : { state: 'ready', ...facts() };
  }
  const changed = () => ['input', 'change'].forEach(type => own.dispatchEvent(new Event(type, { bubbles: true })));
  // What is chosen and not typed is set; what is typed gets the focus, with all that stands in it selected.
  const fill = () => {
    own.focus();
    if (/^(date|time|month|week|datetime-local|color|range)$/.test(own.type)) {
      own.value = value;
      changed();
      return { state: own.value === value ? 'done' : 'refused', ...facts() };
    }
    if (own.isContentEditable) getSelection().selectAllChildren(own);
    else own.select?.();
    return { state: 'ready', x, y, ...facts() };
  };
  const select = () => {
    const options = [...own.options ?? []].filter(option => !option.disabled);
    const want = fold(value), shown = option => fold(option.label || option.text);
    const option = options.find(option => shown(option) === want) ?? options.find(option => shown(option).includes(want));
    if (!option) return { state: 'refused', near: options.slice(0, NEAR_MAX).map(option => short(squeeze(option.label))), ...facts() };
    own.focus();
    if (own.multiple) option.selected = true;
    else own.selectedIndex = option.index;
    changed();
    return { state: 'done', ...facts() };
  };
  if (!visible(el)) return { state: 'hidden', ...facts() };
  const wide = document.documentElement.clientWidth, high = window.innerHeight;
  const shown = ({ top, bottom, left, right }) => top >= 0 && left >= 0 && bottom <= high && right <= wide;
  if (doing === 'look' || doing === 'read') return { state: 'ready', ...facts() };
  if (doing === 'picture') {
    if (!shown(box(el))) el.scrollIntoView({ block: 'center', behavior: 'instant' });
    await frame();
    const { x, y, width, height } = box(el);
    return { state: 'ready', x: x + scrollX, y: y + scrollY, wide: width, high: height, ...facts() };
  }
  if (doing !== 'scroll') {
    if (own.matches(':disabled') || closest(own, '[aria-disabled=true],[inert]')) return { state: 'disabled', ...facts() };
    if (doing === 'fill' && own.readOnly) return { state: 'disabled', ...facts() };
  }
  let { left, right } = box(el);
  if ((left >= wide || right <= 0) && !sideways(el)) return { state: 'aside', ...facts() };
  if (!shown(box(el))) el.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
  if (doing === 'scroll') return { state: 'ready', ...facts() };
  const before = box(el);
  await frame();
  await frame();
  const now = box(el);
  const still = ['top', 'left', 'width', 'height'].every(side => Math.abs(before[side] - now[side]) < 1);
  if (!el.isConnected || !still) return { state: 'moving', ...facts() };
  // The middle of its first line, as far as it is on the screen.
  const line = el.getClientRects()[0] ?? now;
  const clip = (low, top, most) => (Math.max(low, 0) + Math.min(top, most)) / 2;
  const x = clip(line.left, line.right, wide), y = clip(line.top, line.bottom, high);
  const hit = at(x, y);
  const ours = hit && (within(hit, el) || within(hit, own) || [...own.labels ?? []].some(label => within(hit, label)) ||
    within(el, hit) && closest(hit, 'a,button,label') === hit);
  if (!ours) {
    // What stands at the edge of the screen is scrolled away from: then it is looked at again.
    el.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
    return { state: 'covered', by: hit ? words(closest(hit, '[role],dialog,section,aside,header,footer,nav,[id]') ?? hit) : '', ...facts() };
  }
  if (doing === 'fill') return fill();
  if (doing === 'select') return select();
  return { state: 'ready', x, y, ...facts() };
}
