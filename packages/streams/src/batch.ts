import { Alarm } from "./internal/alarm.ts";
import { bytesOf } from "./internal/byte-length.ts";
import { measured } from "./internal/measure.ts";
import { type Stage, type StageOptions, stage } from "./internal/stage.ts";
import { checkFunction, checkNumber, MAX_TIMER_MS } from "./options.ts";

/** When a batch is complete: at whichever bound is met first. */
export interface BatchOptions<T> extends StageOptions<T, readonly T[]> {
  /**
   * Chunks in a batch.
   *
   * @defaultValue `1_024`
   */
  readonly maxCount?: number | undefined;
  /**
   * Sum of sizes in a batch, in the unit of `size`. A chunk that would exceed it starts the next
   * batch; one that is larger by itself is a batch alone.
   *
   * @defaultValue `Infinity`: nothing is measured
   */
  readonly maxBytes?: number | undefined;
  /**
   * Milliseconds a batch may wait for more, from its first chunk on; 0 takes in what comes before the
   * next timers run.
   *
   * @defaultValue `Infinity`: a batch waits until it is full or the input closes
   */
  readonly maxDelayMs?: number | undefined;
  /**
   * Measures a chunk: a finite number, 0 or more.
   *
   * @defaultValue the chunk's `byteLength` or string length; one that has neither errors the stream
   */
  readonly size?: ((chunk: T) => number) | undefined;
}

/**
 * Makes a stage that gathers chunks into arrays: fewer, larger pieces of work for what is behind it.
 *
 * Backpressure: one batch is gathered, wanted or not. While the consumer stalls it grows to its
 * bounds, its delay over or not; then `write()` waits. Closing gives out what there is; nothing is
 * dropped.
 *
 * @param options - the bounds, and the strategies
 * @returns the pair, for `pipeThrough()`
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { batch, fromIterable, sink } from "@spillway/streams";
 *
 * await fromIterable(["a", "b", "c"])
 *   .pipeThrough(batch({ maxCount: 100, maxBytes: 16_384, maxDelayMs: 20 }))
 *   .pipeTo(sink({ write: (lines) => console.log(lines.join("\n")) }));
 * ```
 */
export function batch<T>(options: BatchOptions<T> = {}): Stage<T, readonly T[]> {
  const maxCount = checkNumber("maxCount", options.maxCount, 1024, { min: 1, integer: true });
  const maxBytes = checkNumber("maxBytes", options.maxBytes, Infinity, { min: Number.MIN_VALUE });
  const maxDelayMs = checkDelay(options.maxDelayMs);
  const size = measured("size", checkFunction("size", options.size) ?? bytesOf);

  return stage<T, readonly T[]>(options, (output) => {
    let chunks: T[] = [];
    let bytes = 0;
    /** Whether it goes as soon as the consumer wants it. */
    let isDue = false;

    const isFull = (): boolean => chunks.length >= maxCount || bytes >= maxBytes;
    const fits = (more: number): boolean =>
      chunks.length === 0 || (!isFull() && bytes + more <= maxBytes);
    const complete = (): void => {
      isDue = true;
      alarm.stop();
      output.offer();
    };
    const alarm = new Alarm(complete);

    return {
      put: (chunk) => {
        const more = maxBytes < Infinity ? size(chunk) : 0;
        if (!fits(more)) {
          complete();
          if (!fits(more)) return false;
        }
        chunks.push(chunk);
        bytes += more;
        if (isFull()) complete();
        else if (chunks.length === 1 && maxDelayMs < Infinity) alarm.set(maxDelayMs);
        return true;
      },
      pull: () => {
        if (!isDue || chunks.length === 0) return;
        output.emit(chunks);
        [chunks, bytes, isDue] = [[], 0, false];
        output.wake();
      },
      holds: () => chunks.length > 0,
      flush: () => {
        isDue = true;
        alarm.stop();
      },
      dispose: () => {
        alarm.dispose();
        chunks = [];
      },
    };
  });
}

function checkDelay(delayMs: number | undefined): number {
  if (delayMs === Infinity) return delayMs;
  return checkNumber("maxDelayMs", delayMs, Infinity, { min: 0, max: MAX_TIMER_MS });
}
