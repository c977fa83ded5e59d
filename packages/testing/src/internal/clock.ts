/**
 * Real time. Fake timers replace the globals, so a kit that reads them when called would stand
 * still with them; these are the functions the globals held when this module was loaded.
 */
export const startTimer: typeof setTimeout = globalThis.setTimeout;
export const stopTimer: typeof clearTimeout = globalThis.clearTimeout;
export const nowMs: () => number = performance.now.bind(performance);

const startImmediate = globalThis.setImmediate;

/** Resolves in the event loop's next turn, when every microtask queued before has run. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    startImmediate(resolve);
  });
}
