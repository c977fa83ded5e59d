import { Alarm } from "./internal/alarm.ts";
import { clockOf } from "./internal/clock.ts";
import { requireNumber } from "./internal/required.ts";
import { type Stage, type StageOptions, stage } from "./internal/stage.ts";
import { MAX_TIMER_MS } from "./options.ts";
import type { DropListener, Entry } from "./policy.ts";
import { BoundedQueue } from "./queue.ts";
import type { QueueStats } from "./queue-options.ts";

/** The period of {@link sample}. */
export interface SampleOptions<T> extends StageOptions<T, T> {
  /** Milliseconds between two chunks, at the least. */
  readonly everyMs: number;
  /** Hears of every drop: `"replaced"`, or why the stage ended. */
  readonly onDrop?: DropListener<T> | undefined;
  /**
   * The clock, in milliseconds; it does not go back.
   *
   * @defaultValue `performance.now`
   */
  readonly now?: (() => number) | undefined;
}

/** A TransformStream-shaped pair that lets the newest chunk of a period pass. */
export interface Sample<T> extends Stage<T, T> {
  /** What was offered, delivered, dropped and waits. */
  stats(): QueueStats;
}

/**
 * Makes a stage that lets at most one chunk pass in a period, the newest; the first passes at once.
 *
 * Backpressure: `write()` never waits. One chunk waits for the end of its period and for the
 * consumer; a newer one takes its place, and it is counted as `"replaced"`. Closing ends the period:
 * the last chunk is never dropped.
 *
 * @param options - the period, and the strategies
 * @returns the pair, and its counters
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { sample } from "@spillway/streams";
 *
 * function forChart(readings: ReadableStream<number>): ReadableStream<number> {
 *   return readings.pipeThrough(sample({ everyMs: 100 }));
 * }
 * ```
 */
export function sample<T>(options: SampleOptions<T>): Sample<T> {
  const everyMs = requireNumber("everyMs", options.everyMs, { min: 0, max: MAX_TIMER_MS });
  const now = clockOf(options.now);
  const { onDrop } = options;
  const queue = new BoundedQueue<T>({ maxChunks: 1, overflow: "latest", onDrop });

  const pair = stage<T, T>(options, (output) => {
    const alarm = new Alarm(() => output.offer());
    let dueAt = -Infinity;
    let isOver = false;

    return {
      put: (chunk) => {
        queue.offer(chunk);
        if (!alarm.isSet) output.offer();
        return true;
      },
      pull: () => {
        if (queue.length === 0 || alarm.isSet) return;
        const time = now();
        if (time < dueAt && !isOver) {
          alarm.set(dueAt - time);
          return;
        }
        dueAt = time + everyMs;
        output.emit((queue.shift() as Entry<T>).chunk);
      },
      holds: () => queue.length > 0,
      flush: () => {
        isOver = true;
        alarm.stop();
      },
      dispose: (why) => {
        alarm.dispose();
        queue.clear(why);
      },
    };
  });
  return { ...pair, stats: () => queue.stats() };
}
