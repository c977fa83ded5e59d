import { nextTurn } from "./internal/clock.ts";

/** Streams settle a promise some microtasks and, on Node, up to two turns after the cause. */
export const TURNS = 3;

/**
 * Lets everything that is already under way run: microtasks, and what they cause in the next turns
 * of the event loop.
 *
 * Waits for no timer, so it works under fake timers too (they must be installed after this module
 * was loaded); on Node and in browsers.
 *
 * @returns when the event loop has turned a few times
 *
 * @example
 * ```ts
 * import { settle } from "@spillway/testing";
 *
 * let pulls = 0;
 * const source = new ReadableStream({ pull: () => void (pulls += 1) });
 * await settle();
 * console.log(pulls, source.locked); // 1, false: the stream has asked once
 * ```
 */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await nextTurn();
}
