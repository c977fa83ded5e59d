/** Turns that are looked at: the longest of them may have been a mishap, the next one is not. */
const TURNS = 4;
/** Milliseconds between two looks. */
const EVERY_MS = 10;
const MAX_MS = 1_000;

const turns: number[] = Array.from({ length: TURNS }, () => 0);
let looks = 0;
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
        turns[looks++ % TURNS] = Math.min(endedMs - begun, MAX_MS);
      });
    });
  }
  let [longest, next] = [0, 0];
  for (const ms of turns) {
    next = Math.max(next, Math.min(ms, longest));
    longest = Math.max(longest, ms);
  }
  return next;
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
