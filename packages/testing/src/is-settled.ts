import { nextTurn } from "./internal/clock.ts";
import { TURNS } from "./settle.ts";

/**
 * Tells whether a promise is settled once everything already under way has run.
 *
 * Lets the event loop turn a few times and waits for no timer, so it answers under fake timers too
 * (they must be installed after this module was loaded). A rejection counts as settled, and as
 * handled.
 *
 * @param promise - the promise to look at; it is not awaited
 * @returns true when it is fulfilled or rejected, false while it is pending
 *
 * @example
 * ```ts
 * import { isSettled } from "@spillway/testing";
 *
 * const writer = new WritableStream({ write: () => new Promise(() => {}) }).getWriter();
 * const write = writer.write("held");
 * console.log(await isSettled(write)); // false: the sink never takes it
 * ```
 */
export async function isSettled(promise: PromiseLike<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  for (let turn = 0; turn < TURNS; turn += 1) {
    await nextTurn();
    if (settled) return true;
  }
  return false;
}
