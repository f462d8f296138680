// Runs in a world of ours at the start of every document, and notes when it begins to leave for another: what is asked
// in the meantime would be asked of a page that people see no more.
navigation.addEventListener('navigate', ({ destination, downloadRequest }) => {
  if (!destination.sameDocument && downloadRequest === null) globalThis.leaving = performance.now();
});
// It stays after all: somebody took it back, or shows the other page in this one.
for (const stays of ['navigatesuccess', 'navigateerror']) navigation.addEventListener(stays, () => delete globalThis.leaving);
