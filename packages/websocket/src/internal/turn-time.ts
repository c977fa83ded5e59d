/** Milliseconds from which a turn says more of one mishap than of the next turns. */
const MAX_MS = 50;
/** The share of the way that the estimate falls with a shorter turn. */
const FALL = 1 / 8;

/** Milliseconds between two looks. */
const EVERY_MS = 10;

let turnMs = 0;
let nextAtMs = 0;

/**
 * Milliseconds that a turn of the event loop takes of late: so long an answer may have lain here before
 * anyone looked. A call now and then has the next turn measured.
 */
export function turnTime(nowMs: number): number {
  if (nowMs >= nextAtMs) {
    nextAtMs = Infinity;
    // From one check of the loop to the next: it does not wait for events while one is due.
    setImmediate(() => {
      const begun = performance.now();
      setImmediate(() => {
        const endedMs = performance.now();
        nextAtMs = endedMs + EVERY_MS;
        const ms = Math.min(endedMs - begun, MAX_MS);
        turnMs = Math.max(ms, turnMs + (ms - turnMs) * FALL);
      });
    });
  }
  return turnMs;
}

let now: number | undefined;

/** `performance.now()`, the same for all that happens without a promise or a turn between. */
export function turnNow(): number {
  if (now === undefined) {
    now = performance.now();
    queueMicrotask(() => {
      now = undefined;
    });
  }
  return now;
}
