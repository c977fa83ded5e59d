import { checkNumber, wrongType } from "@spillway/streams/options";
import { bitratesOf, type Sending } from "./internal/bitrate.ts";

/** Of whom {@link targetBitrate} tells. */
export interface TargetBitrateOptions {
  /**
   * How many viewers in a hundred may be too slow for it; they lose more by their policy.
   *
   * @defaultValue `0`: the slowest viewer decides
   */
  readonly percentile?: number | undefined;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * How fast a source that adapts should send to all viewers of a hub: bits a second, and each change of it.
 * Viewers that sleep have no say.
 *
 * Backpressure: looks at all viewers four times a second; whoever reads slowly misses what has passed.
 *
 * @param viewers - connections or lanes, looked at anew each time: a `Set` that they join and leave
 * @param options - who decides, and until when
 * @returns for `for await`; each iteration begins anew, with the first value after a second of sending
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { type Connection, targetBitrate } from "@spillway/websocket";
 *
 * declare const encoder: { setBitrate(bitsPerSecond: number): void };
 * const viewers = new Set<Connection>();
 *
 * // One viewer in ten may be too slow.
 * for await (const bitsPerSecond of targetBitrate(viewers, { percentile: 10 })) {
 *   encoder.setBitrate(Math.min(bitsPerSecond, 4_000_000));
 * }
 * ```
 */
export function targetBitrate(
  viewers: Iterable<{ stats(): Sending }>,
  options: TargetBitrateOptions = {},
): AsyncIterable<number> {
  if (typeof viewers?.[Symbol.iterator] !== "function") {
    throw wrongType("viewers", "an iterable of connections or lanes", viewers);
  }
  const percentile = checkNumber("percentile", options.percentile, 0, { min: 0, max: 100 });
  const { signal } = options;
  return bitratesOf(viewers, percentile, () => signal?.aborted ?? false);
}
