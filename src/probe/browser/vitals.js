// Runs after web-vitals.js, in our own world, at the start of every document. TELL is the name of our binding.
(() => {
  if (window !== window.top) return;
  const document_id = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const tell = globalThis["TELL"];
  // Asked for at the end, and told before the document goes.
  const vitals = (globalThis.vitals = {});
  const note = ({ name, value }) => {
    vitals[name] = value;
    tell(JSON.stringify({ document: document_id, name, value }));
  };
  // When it was last used, and what listens to that has done its part.
  const used = () => setTimeout(() => (globalThis.used = performance.now()));
  const ways = ["pointerdown", "pointerup", "click", "keydown", "keyup"];
  for (const way of ways) addEventListener(way, used, { capture: true, passive: true });
  // What is observed would be worked out when the page has nothing else to do, and whoever asks for it would wait for that,
  // too. In this world it is worked out at once, which takes microseconds.
  globalThis.requestIdleCallback = done => setTimeout(done);
  globalThis.cancelIdleCallback = clearTimeout;
  const all = { reportAllChanges: true, durationThreshold: 16 };
  for (const name of ["LCP", "CLS", "INP", "FCP", "TTFB"]) webVitals["on" + name](note, all);
})();
