import { DropCounter, type DropCounts, DropTeller } from "./drops.ts";
import { clockOf } from "./internal/clock.ts";
import { measured } from "./internal/measure.ts";
import { requireNumber } from "./internal/required.ts";
import { type Stage, type StageOptions, stage } from "./internal/stage.ts";
import { checkFunction } from "./options.ts";
import type { DropListener } from "./policy.ts";

/** What {@link expire} takes for too old. */
export interface ExpireOptions<T> extends StageOptions<T, T> {
  /** Milliseconds; what is older does not pass. */
  readonly maxAgeMs: number;
  /**
   * When a chunk was made, in milliseconds of the clock.
   *
   * @defaultValue when it came to the head of the line before the stage; for chunks that wait in a
   * queue there is {@link bounded}, with its own `maxAgeMs`
   */
  readonly timeOf?: ((chunk: T) => number) | undefined;
  /**
   * The clock, in milliseconds.
   *
   * @defaultValue `Date.now` with `timeOf`, `performance.now` without
   */
  readonly now?: (() => number) | undefined;
  /** Hears of every drop; the reason is `"expired"`. */
  readonly onDrop?: DropListener<T> | undefined;
}

/** Everything offered is delivered or dropped: `offered = delivered + dropped`. */
export interface ExpireStats {
  readonly offered: number;
  readonly delivered: number;
  readonly dropped: DropCounts;
}

/** A TransformStream-shaped pair that lets no chunk pass that is too old. */
export interface Expire<T> extends Stage<T, T> {
  stats(): ExpireStats;
}

/**
 * Makes a stage that drops chunks older than `maxAgeMs`: what has come a long way, or has waited
 * while the consumer stalled, and is of no use any more.
 *
 * Backpressure: a chunk is taken, and its age looked at, when the consumer wants one; what is too old
 * is dropped and counted as `"expired"`, and the next one is taken. What waits behind the stage
 * ages unseen, so leave `readableStrategy` alone unless you mean that.
 *
 * @param options - the age, how it is told, and the strategies
 * @returns the pair, and its counters
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { expire } from "@spillway/streams";
 *
 * interface Reading {
 *   readonly sentAt: number;
 * }
 * const fresh = expire<Reading>({ maxAgeMs: 500, timeOf: (reading) => reading.sentAt });
 * ```
 */
export function expire<T>(options: ExpireOptions<T>): Expire<T> {
  const maxAgeMs = requireNumber("maxAgeMs", options.maxAgeMs, { min: 0 });
  const given = checkFunction("timeOf", options.timeOf);
  const timeOf = given && measured("timeOf", given, -Infinity);
  const now = clockOf(options.now, timeOf);
  const teller = new DropTeller(checkFunction("onDrop", options.onDrop));
  const drops = new DropCounter();
  let delivered = 0;

  const drop = (chunk: T, time: number): void => {
    drops.count("expired", 1, 1);
    teller.tell({ chunk, size: 1, time }, "expired");
  };

  const pair = stage<T, T>(options, (output) => {
    /** When the chunk that waits for the consumer was first offered. */
    let since: number | undefined;

    return {
      put: (chunk) => {
        if (!output.isWanted) {
          if (!timeOf) since ??= now();
          return false;
        }
        const nowMs = now();
        const time = timeOf ? timeOf(chunk) : (since ?? nowMs);
        since = undefined;
        if (nowMs + output.transitMs - time > maxAgeMs) drop(chunk, time);
        else {
          delivered++;
          output.emit(chunk);
        }
        return true;
      },
    };
  });
  const stats = (): ExpireStats => {
    const dropped = drops.counts();
    return { offered: delivered + dropped.chunks, delivered, dropped };
  };
  return { ...pair, stats };
}
