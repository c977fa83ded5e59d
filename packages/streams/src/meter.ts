import { byteLengthOf } from "./internal/byte-length.ts";
import { clockOf } from "./internal/clock.ts";
import { measured } from "./internal/measure.ts";
import { ordered } from "./internal/ordered.ts";
import type { Stage, StageOptions } from "./internal/stage.ts";
import { SlidingWindow } from "./internal/window.ts";
import { checkFunction, checkNumber } from "./options.ts";

/** What {@link meter} measures with. */
export interface MeterOptions<T> extends StageOptions<T, T> {
  /**
   * Milliseconds that rates and ages look back; to a tenth of it, exactly.
   *
   * @defaultValue `5_000`
   */
  readonly windowMs?: number | undefined;
  /**
   * Measures a chunk: a finite number, 0 or more.
   *
   * @defaultValue the chunk's `byteLength` or string length where it has one, else 0
   */
  readonly size?: ((chunk: T) => number) | undefined;
  /**
   * When a chunk was made, in milliseconds of the clock: its age is measured as it passes.
   *
   * @defaultValue no age is measured
   */
  readonly timeOf?: ((chunk: T) => number) | undefined;
  /**
   * The clock, in milliseconds.
   *
   * @defaultValue `Date.now` with `timeOf`, `performance.now` without
   */
  readonly now?: (() => number) | undefined;
}

/** What passed, in all and lately. */
export interface MeterStats {
  readonly chunks: number;
  /** Sum of their sizes. */
  readonly bytes: number;
  /** Within the window. */
  readonly chunksPerSecond: number;
  /** Within the window. */
  readonly bytesPerSecond: number;
  /**
   * The age that half of the chunks, and 99 in 100, did not exceed, within the window; undefined when
   * there was none. To 5 % and half a tenth of a millisecond; above 4.6 hours, that.
   */
  readonly ageMs: { readonly p50: number; readonly p99: number } | undefined;
}

/** A TransformStream-shaped pair that measures what passes. */
export interface Meter<T> extends Stage<T, T> {
  stats(): MeterStats;
}

/**
 * Makes a stage that passes chunks on as they are and measures them: totals, rates and ages.
 *
 * Backpressure: a chunk is taken when the consumer wants one; nothing is dropped. It keeps no chunk:
 * counts of ten parts of the window are all it holds, and with `timeOf` 8 KiB of them for ages. The
 * clock is read once for all that passes at a stretch.
 *
 * @param options - the window, how chunks are measured, and the strategies
 * @returns the pair, and what it measured
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { fromIterable, meter, sink } from "@spillway/streams";
 *
 * const measured = meter<string>({ windowMs: 1_000 });
 * await fromIterable(["a", "b"]).pipeThrough(measured).pipeTo(sink());
 * console.log(measured.stats().bytes); // 2
 * ```
 */
export function meter<T>(options: MeterOptions<T> = {}): Meter<T> {
  const positive = { min: Number.MIN_VALUE, max: Number.MAX_SAFE_INTEGER };
  const windowMs = checkNumber("windowMs", options.windowMs, 5000, positive);
  const size = measured("size", checkFunction("size", options.size) ?? byteLengthOf);
  const given = checkFunction("timeOf", options.timeOf);
  const timeOf = given && measured("timeOf", given, -Infinity);
  const clock = clockOf(options.now, timeOf);
  const recent = new SlidingWindow(windowMs, clock(), timeOf !== undefined);
  let [chunks, bytes] = [0, 0];

  let time: number | undefined;
  const forget = (): void => {
    time = undefined;
  };
  /** Reading the clock would cost more than all the rest. */
  const now = (): number => {
    if (time === undefined) queueMicrotask(forget);
    return (time ??= clock());
  };

  const measure = (chunk: T): void => {
    const weight = size(chunk);
    const madeAt = timeOf?.(chunk);
    chunks++;
    bytes += weight;
    recent.add(now(), weight);
    if (madeAt !== undefined) recent.addAge(now() - madeAt);
  };
  const pair = ordered<T, void, T>(options, measure, (_, chunk) => chunk);
  const stats = (): MeterStats => {
    const [chunksPerSecond, bytesPerSecond] = recent.rates(clock());
    const [p50, p99] = [recent.quantile(0.5), recent.quantile(0.99)];
    const ageMs = p50 === undefined || p99 === undefined ? undefined : { p50, p99 };
    return { chunks, bytes, chunksPerSecond, bytesPerSecond, ageMs };
  };
  return { ...pair, stats };
}
