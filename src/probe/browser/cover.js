// Takes secrets out of a page before its picture is taken: the run is over, nobody uses it any more.
((secrets) => {
  const MASK = "•••";
  const tight = (text) => text.replace(/\s+/g, "").toLowerCase();
  const wanted = secrets.map(tight).filter((text) => text.length > 2);
  const holds = (text) => { const t = tight(text); return wanted.some((secret) => t.includes(secret)); };
  const unread = /^(script|style|template|noscript)$/i;
  const shown = ["value", "placeholder", "alt", "title", "label", "content"];
  const roots = [document];
  const said = (node) => {
    if (node.nodeType === 3) return node.data;
    if (node.nodeType === 1 && unread.test(node.tagName)) return "";
    let text = "";
    for (const child of node.childNodes) text += said(child);
    return text;
  };
  // A secret that several elements show together goes with the smallest that holds all of it.
  const cover = (element) => {
    if (!holds(said(element))) return;
    const inner = [...element.children].filter((child) => holds(said(child)));
    if (inner.length) inner.forEach(cover); else element.textContent = MASK;
  };
  for (const root of roots) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    const texts = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.nodeType === 3) { if (holds(node.data)) texts.push(node); continue; }
      if (node.shadowRoot) roots.push(node.shadowRoot);
      const secret = node.type === "password" || /one-time-code|cc-|password/.test(node.autocomplete || "");
      if ("value" in node && typeof node.value === "string" && node.value && (secret || holds(node.value))) node.value = MASK;
      for (const { name, value } of [...node.attributes]) {
        const may = shown.includes(name) || name.startsWith("aria-") || name.startsWith("data-");
        if (may && holds(value)) node.setAttribute(name, MASK);
      }
    }
    for (const text of texts) text.data = MASK;
    for (const child of root.children) cover(child);
  }
  return true;
})
