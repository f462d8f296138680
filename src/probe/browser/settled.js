// True when the page has all its parts and does not leave, or is `most` milliseconds old: then it can be used, or judged.
// Whoever waits for the `first` page has none before it, and looks at it before he does anything.
async (most, first) => {
  // What has led to nothing after so long was a download, or nothing at all.
  const LEAVING_MAX = 1000;
  // A page that draws nothing any more is used all the same.
  const DRAWN_MAX = 1000, PICTURES_MAX = 50;
  // A picture that says next to nothing never counts as the largest paint.
  const FRAMES_MAX = 8;
  const pause = ms => new Promise(done => setTimeout(done, ms)), left = () => most - performance.now();
  if (first && !location.protocol.startsWith('http')) return pause(LEAVING_MAX).then(() => false);
  // What was just done, and whatever waits for the last part, has its effect first.
  await pause();
  if (document.readyState !== 'complete' && left() > 0) {
    await Promise.race([new Promise(done => addEventListener('load', done, { once: true })), pause(left())]);
    await pause();
  }
  if (first) {
    // Chromium ends the search for the largest paint when somebody uses the page, and tells of a paint some frames late.
    let told = 0, heard = () => {};
    const observer = new PerformanceObserver(list => {
      told = Math.max(told, ...list.getEntries().map(({ size }) => size));
      heard();
    });
    observer.observe({ type: 'largest-contentful-paint', buffered: true });
    const frame = () => new Promise(requestAnimationFrame), inside = ({ top, bottom }) => bottom > 0 && top < innerHeight;
    const pictures = [...document.images].filter(image => image.complete && inside(image.getBoundingClientRect()));
    const shown = image => {
      const { left, right, top, bottom } = image.getBoundingClientRect();
      const wide = Math.min(right, innerWidth) - Math.max(left, 0), high = Math.min(bottom, innerHeight) - Math.max(top, 0);
      return Math.min(Math.max(0, wide) * Math.max(0, high), image.naturalWidth * image.naturalHeight);
    };
    const presented = async () => {
      const largest = Math.max(1, ...pictures.map(shown).filter(size => size < innerWidth * innerHeight));
      while (!performance.getEntriesByName('first-contentful-paint').length) await frame();
      const is_told = () => told >= largest * 0.9;
      const drawing = async () => {
        for (let frames = 0; !is_told() && frames < FRAMES_MAX; frames++) await frame();
      };
      // As soon as it is heard: the next frame may be long in coming.
      await Promise.race([new Promise(done => (heard = () => is_told() && done())), drawing()]);
    };
    const decoded = Promise.allSettled(pictures.slice(0, PICTURES_MAX).map(image => image.decode()));
    const drawn = decoded.then(frame).then(frame).then(presented);
    await Promise.race([drawn, pause(DRAWN_MAX)]);
    observer.disconnect();
  }
  while (left() > 0 && performance.now() - globalThis.leaving < LEAVING_MAX) await pause(10);
  return true;
}
