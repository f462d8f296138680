// Where the page's links lead, each once, in their order.
(() => {
  const found = new Set();
  for (const link of document.links) {
    const address = link.href.split("#")[0];
    if (/^https?:/.test(address)) found.add(address.slice(0, 2048));
    if (found.size >= 200) break;
  }
  return [...found];
})()
