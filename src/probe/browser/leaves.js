// Runs in a world of ours at the start of every document, and notes when it begins to leave for another: what is asked
// in the meantime would be asked of a page that people see no more.
navigation.addEventListener('navigate', ({ destination, downloadRequest }) => {
  if (!destination.sameDocument && downloadRequest === null) globalThis.leaving = performance.now();
});
// It stays after all: somebody took it back, or shows the other page in this one.
for (const stays of ['navigatesuccess', 'navigateerror']) navigation.addEventListener(stays, () => delete globalThis.leaving);
// And when what somebody changed was last left: scripts that let typing come to rest begin to wait then. It is noted once
// more when they have been told.
for (const type of ['change', 'focusout']) addEventListener(type, ({ target, isTrusted }) => {
  if (!isTrusted || type === 'focusout' && !target.isContentEditable) return;
  const note = () => { globalThis.changed = performance.now(); };
  note();
  setTimeout(note);
}, true);
