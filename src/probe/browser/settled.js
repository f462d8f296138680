// True when the page has all its parts and does not leave, or is `most` milliseconds old: then it can be used, or judged.
// Whoever waits for the `first` page has none before it, and looks at it before he does anything.
async (most, first) => {
  // What has led to nothing after so long was a download, or nothing at all.
  const LEAVING_MAX = 1000;
  // A page that draws nothing any more is used all the same.
  const DRAWN_MAX = 300, PICTURES_MAX = 50;
  const pause = ms => new Promise(done => setTimeout(done, ms)), left = () => most - performance.now();
  if (first && !location.protocol.startsWith('http')) return pause(LEAVING_MAX).then(() => false);
  // What was just done, and whatever waits for the last part, has its effect first.
  await pause();
  if (document.readyState !== 'complete' && left() > 0) {
    await Promise.race([new Promise(done => addEventListener('load', done, { once: true })), pause(left())]);
    await pause();
  }
  if (first) {
    const frame = () => new Promise(requestAnimationFrame), inside = ({ top, bottom }) => bottom > 0 && top < innerHeight;
    const pictures = [...document.images].filter(image => image.complete && inside(image.getBoundingClientRect()));
    const drawn = Promise.allSettled(pictures.slice(0, PICTURES_MAX).map(image => image.decode())).then(frame).then(frame);
    await Promise.race([drawn, pause(DRAWN_MAX)]);
  }
  while (left() > 0 && performance.now() - globalThis.leaving < LEAVING_MAX) await pause(10);
  return true;
}
