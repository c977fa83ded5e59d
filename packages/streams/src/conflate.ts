import type { OverflowPolicy } from "./policy.ts";
import { checkFunction, wrongType } from "./options.ts";

/** What {@link conflate} needs to know of the chunks. */
export interface ConflateOptions<T, K> {
  /** Chunks with the same key (as in a `Map`) supersede one another. */
  readonly key: (chunk: T) => K;
  /** Joins a waiting chunk and the incoming one; by default the incoming one replaces it. */
  readonly merge?: ((waiting: T, incoming: T) => T) | undefined;
}

/**
 * The overflow policy for values: at most one chunk per key waits, always the newest.
 *
 * Backpressure: never waits. A newer chunk takes the place in line of the one it supersedes, which
 * is counted as `"replaced"` (`"merged"` with `merge`). When a chunk with a new key finds the queue
 * full, the oldest leaves.
 *
 * @param options - the key of a chunk, and how to merge two of them
 * @returns a policy for `overflow`, usable on any number of queues
 *
 * @example
 * ```ts
 * import { bounded, conflate } from "@spillway/streams";
 *
 * interface Reading {
 *   readonly sensor: string;
 *   readonly value: number;
 * }
 * const { readable, writable } = bounded<Reading>({
 *   highWaterMark: 64,
 *   overflow: conflate({ key: (reading) => reading.sensor }),
 * });
 * ```
 */
export function conflate<T, K = unknown>(options: ConflateOptions<T, K>): OverflowPolicy<T> {
  if (typeof options?.key !== "function") throw wrongType("key", "a function", options?.key);
  const { key } = options;
  const merge = checkFunction("merge", options.merge);
  return {
    name: "conflate",
    outlivesRing: true,
    start: (queue) => {
      const positions = new Map<K, number>();
      // By position, so that a key that is new each time, or changed by `merge`, leaves nothing behind.
      const keys = new Map<number, K>();
      return {
        admit: (entry) => {
          const own = key(entry.chunk);
          const position = positions.get(own);
          if (position === undefined) {
            while (!queue.fits(entry.size)) queue.dropFirst("oldest");
            positions.set(own, queue.next);
            keys.set(queue.next, own);
            return "queue";
          }
          if (!merge) {
            queue.replace(position, entry, "replaced");
            return "merged";
          }
          const chunk = merge(queue.at(position).chunk, entry.chunk);
          const merged = { chunk, size: queue.measure(chunk), time: entry.time };
          queue.replace(position, merged, "merged");
          return "merged";
        },
        left: (_, position) => {
          positions.delete(keys.get(position) as K);
          keys.delete(position);
        },
      };
    },
  };
}
