/**
 * Real time. Fake timers replace the globals, so a kit that reads them when called would stand
 * still with them; these are the functions the globals held when this module was loaded.
 */
export const startTimer: typeof setTimeout = globalThis.setTimeout.bind(globalThis);
export const stopTimer: typeof clearTimeout = globalThis.clearTimeout.bind(globalThis);
export const nowMs: () => number = performance.now.bind(performance);

const startTurn: (callback: () => void) => unknown =
  "setImmediate" in globalThis ? globalThis.setImmediate : messageTurns();

/** Resolves in the event loop's next turn, when every microtask queued before has run. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    startTurn(resolve);
  });
}

/** A browser's turn: a message has no delay, where nested timers get 4 ms and hidden tabs a second. */
function messageTurns(): (callback: () => void) => void {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.addEventListener("message", () => waiting.shift()?.());
  port1.start();
  return (callback) => {
    waiting.push(callback);
    port2.postMessage(undefined);
  };
}
