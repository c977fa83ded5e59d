import { type ConcurrencyOptions, ordered } from "./internal/ordered.ts";
import type { Stage, StageOptions } from "./internal/stage.ts";
import { wrongType } from "./options.ts";

/** How {@link tap} works. */
export interface TapOptions<T> extends StageOptions<T, T>, ConcurrencyOptions {}

/**
 * Makes a stage that shows each chunk to `observe` and passes it on as it is.
 *
 * Backpressure: a chunk is taken when the consumer wants one. A chunk whose `observe` gave a promise
 * goes on once that is fulfilled, and `write()` waits for it; up to `concurrency` chunks are observed
 * at once. Nothing is dropped.
 *
 * @param observe - called once for each chunk, which stays the consumer's; what it throws errors
 * both sides
 * @param options - the strategies, and how many calls may be under way
 * @returns the pair, for `pipeThrough()`
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { fromIterable, tap } from "@spillway/streams";
 *
 * const lines = fromIterable(["a", "b"]).pipeThrough(tap((line) => console.log(line)));
 * ```
 */
export function tap<T>(observe: (chunk: T) => unknown, options: TapOptions<T> = {}): Stage<T, T> {
  if (typeof observe !== "function") throw wrongType("observe", "a function", observe);
  return ordered<T, unknown, T>(options, observe, (_, chunk) => chunk);
}
