// Runs after web-vitals.js, in our own world, at the start of every document. TELL is the name of our binding.
(() => {
  if (window !== window.top) return;
  // In milliseconds: from a paint until it is told what came of being used, which may never be where that took no time; and
  // until a page paints and tells at all.
  const TOLD_WITHIN = 50, PAINTED_WITHIN = 300;
  const document_id = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const tell = globalThis["TELL"], vitals = {};
  const note = ({ name, value }) => {
    vitals[name] = value;
    tell(JSON.stringify({ document: document_id, name, value }));
  };
  // When it was last used, and the newest use that is told.
  let used = 0, told = 0, heard = () => {};
  const use = ({ isTrusted, timeStamp }) => { if (isTrusted) used = timeStamp; };
  const ways = ["pointerdown", "pointerup", "click", "keydown", "keyup"];
  for (const way of ways) addEventListener(way, use, { capture: true, passive: true });
  // What is observed would be worked out when the page has nothing else to do, and whoever asks for it would wait for that,
  // too. In this world it is worked out at once, which takes microseconds.
  globalThis.requestIdleCallback = done => setTimeout(done);
  globalThis.cancelIdleCallback = clearTimeout;
  const all = { reportAllChanges: true, durationThreshold: 16 };
  for (const name of ["LCP", "CLS", "INP", "FCP", "TTFB"]) webVitals["on" + name](note, all);
  const telling = new PerformanceObserver(list => {
    for (const { startTime } of list.getEntries()) told = Math.max(told, startTime);
    heard();
  });
  telling.observe({ type: "event", durationThreshold: all.durationThreshold, buffered: true });
  const pause = ms => new Promise(done => setTimeout(done, ms));
  const painted = async () => {
    await new Promise(requestAnimationFrame);
    await pause();
    const all_told = new Promise(done => (heard = () => told >= used && done()));
    heard();
    await Promise.race([all_told, pause(TOLD_WITHIN)]);
    await pause();
  };
  // Asked at the end, and told before the document goes. The newest values are known when a frame is painted, and those of
  // an interaction some frames after it.
  globalThis.vitals = () => Promise.race([painted(), pause(PAINTED_WITHIN)]).then(() => vitals);
})();
