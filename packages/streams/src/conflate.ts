import { SpillwayError } from "./errors.ts";
import { checkFunction, wrongType } from "./options.ts";
import type { Admission, Entry, OverflowPolicy, PolicyQueue } from "./policy.ts";

/** What {@link conflate} needs to know of the chunks. */
export interface ConflateOptions<T, K> {
  /** Chunks with the same key (as in a `Map`) supersede one another. */
  readonly key: (chunk: T) => K;
  /**
   * Joins a waiting chunk and the incoming one; by default the incoming one replaces it. What comes
   * out must not be larger than the queue may hold.
   */
  readonly merge?: ((waiting: T, incoming: T) => T) | undefined;
}

/**
 * The overflow policy for values: at most one chunk per key waits, always the newest.
 *
 * Backpressure: never waits. A newer chunk takes the place in line of the one it supersedes, which
 * is counted as `"replaced"` (`"merged"` with `merge`) and is no gap. When a chunk with a new key
 * finds the queue full, the first in line leaves. The age of a chunk is its own, not that of its
 * place, so one may be too old behind one that is not; it is dropped when its turn comes.
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
  checkFunction("merge", options.merge);
  return {
    name: "conflate",
    outlivesRing: true,
    start: (queue) => new Conflation(queue, options),
  };
}

/** Keys beyond those that wait which are kept before they are looked through. */
const SPARE_KEYS = 16;

class Conflation<T, K> implements Admission<T> {
  readonly #queue: PolicyQueue<T>;
  readonly #options: ConflateOptions<T, K>;
  /** The ticket of the last chunk of each key, which may have left. */
  readonly #tickets = new Map<K, number>();

  constructor(queue: PolicyQueue<T>, options: ConflateOptions<T, K>) {
    this.#queue = queue;
    this.#options = options;
  }

  admit(entry: Entry<T>): "queue" | "merged" {
    const queue = this.#queue;
    const key = this.#options.key(entry.chunk);
    const ticket = this.#tickets.get(key);
    const position = ticket === undefined ? -1 : queue.find(ticket);
    if (position < 0) {
      while (!queue.fits(entry.size)) queue.dropFirst("oldest");
      this.#forgetKeys();
      this.#tickets.set(key, queue.nextTicket);
      return "queue";
    }
    if (this.#options.merge) {
      queue.replace(position, this.#merge(queue.at(position), entry), "merged");
    } else {
      queue.replace(position, entry, "replaced");
    }
    return "merged";
  }

  #merge(waiting: Entry<T>, incoming: Entry<T>): Entry<T> {
    const chunk = this.#options.merge?.(waiting.chunk, incoming.chunk) as T;
    const size = this.#queue.measure(chunk);
    const { maxSize } = this.#queue;
    if (size <= maxSize) return { chunk, size, time: incoming.time };
    throw new SpillwayError(
      "SPW_ERR_CHUNK",
      `Cannot merge chunks: merge() made one of size ${size} and the limit is ${maxSize}`,
    );
  }

  /** So that keys which never come again do not pile up; each is looked at once in a while. */
  #forgetKeys(): void {
    if (this.#tickets.size < 2 * this.#queue.length + SPARE_KEYS) return;
    for (const [key, ticket] of this.#tickets) {
      if (this.#queue.find(ticket) < 0) this.#tickets.delete(key);
    }
  }
}
