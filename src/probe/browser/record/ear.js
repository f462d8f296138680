// Hears what a person does on a page and tells it at once, each thing with a name by which `find` finds it again: run in
// every document, in a world of our own that the page neither sees nor can speak for.
(find, tell) => {
  if (globalThis.sights) return;
  const NAME_MAX = 60, CUT = 40, VALUE_MAX = 4000, TEXT_MAX = 100000, HEADS_MAX = 30, LINES_MAX = 100, PATH_MAX = 8;
  const IMPLICIT_MS = 500;
  const BUTTONS = /^(button|submit|reset|image)$/;
  const CHOSEN = /^(checkbox|radio|file)$/;
  const KEYED = '[role=combobox],[aria-autocomplete],[role=listbox],[role=menu],[role=menuitem],[role=tab],[role=grid]';
  const SECRET = /passw|passphrase|kennwort|密码|密碼|\bpin\b|\bcv[cv]\b|card.?number|api.?key|secret/i;

  const which = query => {
    let got = [];
    // Answered at once; a selector that cannot be read finds nothing.
    find(query, 'name', found => { got = found; }).catch(() => {});
    return got;
  };
  let kit;
  find({ css: ':not(*)' }, 'name', (_, tools) => { kit = tools; });
  const { name, role, squeeze, closest, within, PRESSABLE, FIELDS } = kit;
  const fold = text => squeeze(text).toLowerCase();
  // What would be filled in when it is played is no name.
  const plain = text => text && !/\{\{|\$\{/.test(text);

  // A name as it is, without the count at its end, or its beginning: whatever finds it alone.
  const spellings = text => {
    const whole = squeeze(text);
    const counted = whole.replace(/[\s(]+\d+\)?$/, '');
    const short = whole.length > NAME_MAX ? whole.slice(0, CUT).replace(/\s+\S*$/, '') : whole;
    return [...new Set([counted.length > 2 ? counted : short, short])].filter(text => plain(text) && text.length <= NAME_MAX);
  };
  const pointed = el => getComputedStyle(el).cursor === 'pointer';
  // What a person would say he pressed.
  const owner = target => {
    const pressable = closest(target, PRESSABLE);
    if (pressable) return pressable;
    let el = target;
    while (!squeeze(el.innerText) && el.parentElement && pointed(el.parentElement)) el = el.parentElement;
    return el;
  };

  const byCss = el => {
    const alone = css => { const found = which({ css }); return found.length === 1 && found[0] === el; };
    const tag = CSS.escape(el.localName);
    const marks = ['data-testid', 'data-test', 'name', 'aria-label', 'type'].filter(mark => el.getAttribute(mark));
    const simple = [
      ...el.id && !/\d{3}/.test(el.id) ? ['#' + CSS.escape(el.id)] : [],
      ...marks.map(mark => `${tag}[${mark}="${CSS.escape(el.getAttribute(mark))}"]`),
    ];
    const found = simple.filter(plain).find(alone);
    if (found) return { css: found };
    let path = '', deep = 0;
    for (let at = el; at && deep < PATH_MAX; at = at.parentElement, deep++) {
      const nth = at.parentElement ? [...at.parentElement.children].filter(one => one.localName === at.localName).indexOf(at) + 1 : 0;
      path = CSS.escape(at.localName) + (nth ? `:nth-of-type(${nth})` : '') + (path && ' > ' + path);
      if (alone(path)) break;
    }
    return { css: path };
  };
  // The first query that finds it and nothing else; else the first that finds it, with its number; else by CSS.
  const called = (el, queries, same) => {
    let counted = null;
    for (const query of queries) {
      const found = which(query);
      const at = found.findIndex(same);
      if (at === 0 && found.length === 1) return query;
      if (at >= 0 && !counted && !('named' in query)) counted = { ...query, nth: at + 1 };
    }
    return counted ?? byCss(el);
  };
  const control = el => {
    const names = spellings(name(el)), kind = role(el);
    const texts = spellings((el.innerText ?? '').trim().split('\n')[0]);
    const same = one => one === el || closest(one, PRESSABLE) === el || !closest(el, PRESSABLE) && within(one, el);
    return called(el, [
      ...names.map(named => ({ named })), ...texts.map(named => ({ named })),
      ...kind ? names.map(name => ({ role: kind, name })) : [], ...texts.map(text => ({ text })),
    ], same);
  };
  const field = el => {
    // What was chosen stands in the name of a field for files: it is called by its label.
    const label = el.type === 'file' ? el.labels?.[0]?.innerText || name(el).split(':')[0] : name(el);
    const names = spellings(label), kind = role(el);
    return called(el, [
      ...names.map(named => ({ named, field: true })), ...names.map(label => ({ label })),
      ...kind ? names.map(name => ({ role: kind, name })) : [],
    ], one => one === el);
  };

  // What is to be seen now: what a deed did is told by what was not there before.
  globalThis.sights = () => {
    const text = document.body?.innerText ?? '';
    const brief = text => squeeze(text.trim().split('\n')[0]);
    const fits = text => text.length > 2 && text.length <= NAME_MAX;
    const heads = document.querySelectorAll('h1,h2,h3,h4,h5,h6,[role=heading],[role=alert],[role=status]');
    return {
      url: location.href, title: document.title.slice(0, 200), ready: document.readyState === 'complete',
      framed: window !== top,
      text: fold(text.slice(0, TEXT_MAX)),
      heads: [...heads].filter(kit.visible).map(el => brief(el.innerText ?? '')).filter(fits).slice(0, HEADS_MAX),
      lines: text.slice(0, TEXT_MAX).split('\n').map(squeeze).filter(fits).slice(0, LINES_MAX),
    };
  };

  const say = (act, told) => tell(JSON.stringify({ act, ...told }));
  const target = event => event.composedPath()[0];
  const on = (type, hear) => addEventListener(type, event => {
    if (event.isTrusted && target(event) instanceof Element) hear(event, target(event));
  }, { capture: true, passive: true });
  const isText = el => el.localName === 'textarea' || el.isContentEditable ||
    el.localName === 'input' && !BUTTONS.test(el.type) && !CHOSEN.test(el.type);
  const isField = el => isText(el) || el.localName === 'select' || el.localName === 'option' ||
    el.localName === 'input' && !BUTTONS.test(el.type);
  // The whole of what is written in, if it is.
  const written = el => {
    if (!el.isContentEditable) return el;
    let host = el;
    while (host.parentElement?.isContentEditable) host = host.parentElement;
    return host;
  };

  // What was named before the page could react to it.
  let armed = null;
  const arm = el => { armed = { el: owner(el), element: control(owner(el)), before: sights() }; };
  const names = new WeakMap(), keys = new WeakMap(), secrets = new WeakSet();
  const document_ = Math.random().toString(36).slice(2);
  let counter = 0, entered = -Infinity;
  const key = el => { if (!keys.has(el)) keys.set(el, `${document_}:${counter++}`); return keys.get(el); };
  const known = el => { if (!names.has(el)) names.set(el, field(el)); return names.get(el); };
  const secret = el => {
    const auto = el.autocomplete ?? '';
    if (/one-time-code/.test(auto)) return 'code';
    if (el.type === 'password' || /password|cc-/.test(auto) || SECRET.test([name(el), el.name, el.id].join(' '))) secrets.add(el);
    return secrets.has(el) ? 'secret' : 'none';
  };
  const fill = (el, done) => {
    const kept = secret(el);
    // Nobody outside this document ever hears a secret.
    const value = kept === 'none' ? (el.isContentEditable ? el.innerText : el.value).slice(0, VALUE_MAX) : '';
    say('fill', { key: key(el), element: known(el), value, kept, done });
  };

  on('focusin', (_, el) => {
    const field = written(el);
    if (isText(field)) { names.delete(field); known(field); secret(field); }
  });
  on('pointerdown', (event, el) => { if (event.button === 0) arm(el); });
  on('click', (event, el) => {
    // Enter in a field presses the form's button: the key is told, not the button.
    if (event.detail === 0 && event.timeStamp - entered < IMPLICIT_MS) return;
    const own = owner(el);
    if (isField(own) && !(own.readOnly || own.matches('[role=combobox],[aria-haspopup]') && own.localName !== 'select')) return;
    if (own.localName === 'label' && own.control) return;
    const used = closest(el, PRESSABLE) || pointed(el) || closest(el, '[tabindex],[aria-haspopup]') || isField(own);
    if (!used) { armed = null; return; }
    if (armed?.el !== own) arm(el);
    say('click', { element: armed.element, before: armed.before });
    armed = null;
  });
  on('input', (_, el) => { const own = written(el); if (isText(own)) fill(own, false); });
  on('change', (_, el) => {
    if (isText(el)) fill(el, true);
    else if (el.type === 'checkbox' || el.type === 'radio') say('tick', { element: field(el), ticked: el.checked });
    else if (el.type === 'file') {
      globalThis.handed = el.files[0];
      if (globalThis.handed) say('upload', { element: field(el), file: globalThis.handed.name });
    }
    else if (el.localName === 'select') {
      for (const option of el.selectedOptions) say('select', { element: field(el), option: squeeze(option.label || option.text) });
    }
  });
  on('keydown', (event, el) => {
    if (event.isComposing || event.repeat || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const press = keys => say('press', { keys, before: sights() });
    const own = written(el);
    if (event.key === 'Escape') press('Escape');
    else if (/^Arrow(Up|Down)$/.test(event.key) && closest(el, KEYED)) press(event.key);
    else if (event.key === ' ' && !isField(own)) arm(el);
    else if (event.key === 'Enter' && own.localName !== 'select') {
      const before = sights(), keys = 'Enter';
      if (own.localName === 'textarea' || own.isContentEditable) {
        // A new line, unless the page makes something else of it.
        setTimeout(() => { if (event.defaultPrevented) say('press', { keys, before }); });
      } else if (isField(own)) {
        entered = event.timeStamp;
        say('press', { keys, before });
      } else arm(el);
    }
  });
}
