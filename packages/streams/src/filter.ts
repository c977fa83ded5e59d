import { type ConcurrencyOptions, ordered } from "./internal/ordered.ts";
import { EMPTY } from "./internal/protocol.ts";
import type { Stage, StageOptions } from "./internal/stage.ts";
import { wrongType } from "./options.ts";

/** How {@link filter} works. */
export interface FilterOptions<In, Out extends In = In>
  extends StageOptions<In, Out>, ConcurrencyOptions {}

/**
 * Makes a stage that lets pass what `predicate` says yes to, in order. A type guard narrows the type
 * of what comes out.
 *
 * Backpressure: chunks are taken while the consumer wants one, as many as it takes to find one. With
 * an async `predicate`, `write()` waits for it; up to `concurrency` chunks are looked at once. What
 * the predicate says no to is gone, and nothing counts it.
 *
 * @param predicate - called once for each chunk; what it throws errors both sides
 * @param options - the strategies, and how many calls may be under way
 * @returns the pair, for `pipeThrough()`
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { filter, fromIterable } from "@spillway/streams";
 *
 * const readings = fromIterable([20.5, undefined, 20.7]);
 * const numbers: ReadableStream<number> = readings.pipeThrough(
 *   filter((reading) => reading !== undefined),
 * );
 * ```
 */
export function filter<In, Out extends In>(
  predicate: (chunk: In) => chunk is Out,
  options?: FilterOptions<In, Out>,
): Stage<In, Out>;
export function filter<T>(
  predicate: (chunk: T) => boolean | PromiseLike<boolean>,
  options?: FilterOptions<T>,
): Stage<T, T>;
export function filter<T>(
  predicate: (chunk: T) => boolean | PromiseLike<boolean>,
  options: FilterOptions<T> = {},
): Stage<T, T> {
  if (typeof predicate !== "function") throw wrongType("predicate", "a function", predicate);
  return ordered<T, boolean, T>(options, predicate, (passes, chunk) => (passes ? chunk : EMPTY));
}
