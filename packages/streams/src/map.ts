import { type ConcurrencyOptions, ordered } from "./internal/ordered.ts";
import type { Stage, StageOptions } from "./internal/stage.ts";
import { wrongType } from "./options.ts";

/** How {@link map} works. */
export interface MapOptions<In, Out> extends StageOptions<In, Out>, ConcurrencyOptions {}

/**
 * Makes a stage that turns each chunk into another one, in order.
 *
 * Backpressure: a chunk is taken when the consumer wants one. With an async `transform`, `write()`
 * waits for it; up to `concurrency` chunks are worked on at once, and their results wait for one
 * another. Nothing is dropped.
 *
 * @param transform - called once for each chunk; what it throws errors both sides
 * @param options - the strategies, and how many calls may be under way
 * @returns the pair, for `pipeThrough()`
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { fromIterable, map } from "@spillway/streams";
 *
 * const pages = fromIterable(["/a", "/b", "/c"])
 *   .pipeThrough(map((path) => fetch(`https://example.com${path}`), { concurrency: 2 }))
 *   .pipeThrough(map((response) => response.text()));
 * ```
 */
export function map<In, Out>(
  transform: (chunk: In) => Out | PromiseLike<Out>,
  options: MapOptions<In, Out> = {},
): Stage<In, Out> {
  if (typeof transform !== "function") throw wrongType("transform", "a function", transform);
  return ordered<In, Out, Out>(options, transform, (result) => result);
}
