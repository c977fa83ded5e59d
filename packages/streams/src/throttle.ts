import { Alarm } from "./internal/alarm.ts";
import { bytesOf } from "./internal/byte-length.ts";
import { clockOf } from "./internal/clock.ts";
import { measured } from "./internal/measure.ts";
import { requireNumber } from "./internal/required.ts";
import { type Stage, type StageOptions, stage } from "./internal/stage.ts";
import { checkFunction, checkNumber, checkOneOf } from "./options.ts";

/** The rate of {@link throttle}. */
export interface ThrottleOptions<T> extends StageOptions<T, T> {
  /** Units that pass in a second, in the long run. */
  readonly perSecond: number;
  /**
   * Units that pass at once after a rest. 0 spaces all chunks out.
   *
   * @defaultValue `perSecond`: what passes in a second
   */
  readonly burst?: number | undefined;
  /**
   * What is counted.
   *
   * @defaultValue `"chunks"`
   */
  readonly unit?: "chunks" | "bytes" | undefined;
  /**
   * Measures a chunk: a finite number, 0 or more.
   *
   * @defaultValue 1 for every chunk; with `unit: "bytes"` its `byteLength` or string length, and one
   * that has neither errors the stream
   */
  readonly size?: ((chunk: T) => number) | undefined;
  /**
   * The clock, in milliseconds; it does not go back.
   *
   * @defaultValue `performance.now`
   */
  readonly now?: (() => number) | undefined;
}

/** A timer that is late by no more than this is made up for, beyond `burst` if need be. */
const MAX_LATE_MS = 50;

/**
 * Makes a stage that lets chunks pass at a rate: a token bucket, full at first.
 *
 * Backpressure: while the bucket lacks what the next chunk costs, that chunk and `write()` wait;
 * nothing is dropped. A chunk that costs more than the bucket holds passes when it is full, and the
 * debt is paid before the next. What a late timer cost is made up for, up to 50 ms of it.
 *
 * @param options - the rate, the bucket, and the strategies
 * @returns the pair, for `pipeThrough()`
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { throttle } from "@spillway/streams";
 *
 * function upload(file: Blob, writable: WritableStream<Uint8Array>): Promise<void> {
 *   return file
 *     .stream()
 *     .pipeThrough(throttle({ perSecond: 125_000, burst: 16_384, unit: "bytes" }))
 *     .pipeTo(writable);
 * }
 * ```
 */
export function throttle<T>(options: ThrottleOptions<T>): Stage<T, T> {
  const range = { min: 1e-6, max: Number.MAX_SAFE_INTEGER };
  const perSecond = requireNumber("perSecond", options.perSecond, range);
  const burst = checkNumber("burst", options.burst, perSecond, { min: 0 });
  const unit = checkOneOf("unit", options.unit, "chunks", ["chunks", "bytes"]);
  const given = checkFunction("size", options.size) ?? (unit === "bytes" ? bytesOf : undefined);
  const size = given && measured("size", given);
  const now = clockOf(options.now);
  // The bucket holds milliseconds: a whole number of them comes in, whatever the rate.
  const costOfOne = 1000 / perSecond;
  const capacity = burst * costOfOne;

  return stage<T, T>(options, (output) => {
    const alarm = new Alarm(() => output.wake());
    let level = capacity;
    let filledAt = now();
    let isShort = false;

    const fill = (): void => {
      const time = now();
      const limit = isShort ? capacity + MAX_LATE_MS : capacity;
      level = Math.max(level, Math.min(limit, level + time - filledAt));
      filledAt = time;
    };

    return {
      put: (chunk) => {
        if (!output.isWanted) return false;
        const cost = size ? size(chunk) * costOfOne : costOfOne;
        const need = Math.min(cost, capacity);
        fill();
        isShort = level < need;
        if (isShort) {
          alarm.set(need - level);
          return false;
        }
        level -= cost;
        output.emit(chunk);
        return true;
      },
      dispose: () => alarm.dispose(),
    };
  });
}
