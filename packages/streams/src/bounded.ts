import { Gap } from "./gap.ts";
import { EMPTY, type Sink, type Source } from "./internal/protocol.ts";
import { ReadableEnd } from "./internal/readable-end.ts";
import { WritableEnd } from "./internal/writable-end.ts";
import { checkNumber } from "./options.ts";
import type { DropReason, Entry } from "./policy.ts";
import { BoundedQueue } from "./queue.ts";
import type { QueueOptions, QueueStats } from "./queue-options.ts";

/** The bounds of {@link bounded} and what happens at them. */
export interface BoundedOptions<T> extends Omit<QueueOptions<T>, "maxSize" | "gaps"> {
  /**
   * What the queue may hold, in the unit of `size`; without `size`, chunks.
   *
   * @defaultValue 64 chunks; 65,536 (64 KiB) with `size`
   */
  readonly highWaterMark?: number | undefined;
  /**
   * Puts a {@link Gap} in line wherever chunks are missing.
   *
   * @defaultValue `false`
   */
  readonly gaps?: false | undefined;
}

/** As {@link BoundedOptions}, for a consumer that wants to know where it missed some. */
export interface BoundedWithGapsOptions<T> extends Omit<BoundedOptions<T>, "gaps"> {
  readonly gaps: true;
}

/** A TransformStream-shaped pair around one bounded queue. */
export interface Bounded<T, Out = T> {
  readonly readable: ReadableStream<Out>;
  readonly writable: WritableStream<T>;
  /** What was offered, delivered, dropped and is queued. */
  stats(): QueueStats;
}

/**
 * Makes a TransformStream-shaped pair that holds a bounded number of chunks and, where asked to,
 * drops the right ones instead of stalling its producer.
 *
 * Backpressure: with `overflow: "wait"` (the default) `write()` waits while the queue is full; with
 * every other word it settles at once and the policy drops. Neither side takes a queuing strategy:
 * the queue between them is the only buffer (the writable's mark is one chunk, the readable's 0).
 *
 * @param options - the bounds, and what happens at them
 * @returns the pair, and its counters
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 * @see https://streams.spec.whatwg.org/#pipe-chains
 *
 * @example
 * ```ts
 * import { bounded } from "@spillway/streams";
 *
 * function newest(source: ReadableStream<string>): ReadableStream<string> {
 *   return source.pipeThrough(bounded({ highWaterMark: 16, overflow: "drop-oldest" }));
 * }
 * ```
 */
export function bounded<T>(options?: BoundedOptions<T>): Bounded<T>;
export function bounded<T>(options: BoundedWithGapsOptions<T>): Bounded<T, T | Gap>;
export function bounded<T>(
  options: BoundedOptions<T> | BoundedWithGapsOptions<T> = {},
): Bounded<T, T | Gap> {
  const { highWaterMark, ...rest } = options;
  const mark = options.size
    ? checkNumber("highWaterMark", highWaterMark, 65_536, { min: Number.MIN_VALUE })
    : checkNumber("highWaterMark", highWaterMark, 64, { min: 1, integer: true });
  const queue = new BoundedQueue<T>({
    ...rest,
    maxChunks: options.maxChunks ?? (options.size ? undefined : mark),
    maxSize: mark,
  });
  const core = new BoundedCore(queue);
  return {
    readable: core.readable.stream,
    writable: core.writable.stream,
    stats: () => queue.stats(),
  };
}

class BoundedCore<T> implements Source<T | Gap>, Sink<T> {
  readonly readable: ReadableEnd<T | Gap>;
  readonly writable: WritableEnd<T>;
  readonly #queue: BoundedQueue<T>;
  /** The chunk that waits for room; its age counts from when it was first offered. */
  #waiting: Entry<T> | undefined;
  #state: "open" | "closing" | "done" = "open";

  constructor(queue: BoundedQueue<T>) {
    this.#queue = queue;
    this.readable = new ReadableEnd<T | Gap>(this);
    this.writable = new WritableEnd<T>(this);
  }

  put(chunk: T): boolean | Promise<void> {
    try {
      const entry = this.#waiting ?? this.#queue.stamp(chunk);
      this.#waiting = undefined;
      if (this.#queue.offerEntry(entry) === "wait") {
        // `onDrop` may have ended the stream meanwhile.
        if (this.#state === "open") this.#waiting = entry;
        return false;
      }
    } catch (error) {
      this.#fail("closed", error);
      return Promise.reject(error);
    }
    this.readable.wake();
    return true;
  }

  take(): T | Gap | typeof EMPTY {
    try {
      let next = this.#next();
      if (this.#waiting) {
        this.writable.wake();
        // All that was queued had expired, but not what waited for room.
        if (next === EMPTY) next = this.#next();
      }
      if (this.#state === "closing") this.#closeWhenEmpty();
      return next;
    } catch (error) {
      this.#fail("closed", error);
      return EMPTY;
    }
  }

  close(): void {
    this.#state = "closing";
    this.#closeWhenEmpty();
  }

  cancel(reason: unknown): void {
    this.#fail("cancelled", reason);
  }

  abort(reason: unknown): void {
    this.#fail("aborted", reason);
  }

  #next(): T | Gap | typeof EMPTY {
    // Apart from `shift()`, so that `onDrop` hears of it before a chunk is on its way.
    const way = this.readable;
    this.#queue.dropStale(way);
    const next = this.#queue.takeGap(way) ?? this.#queue.shift(way);
    if (!next) return EMPTY;
    return next instanceof Gap ? next : next.chunk;
  }

  #closeWhenEmpty(): void {
    if (!this.#queue.isEmpty) return;
    this.#state = "done";
    this.readable.close();
  }

  /** The side that the failure came from has ended already and stays so. */
  #fail(why: DropReason, reason: unknown): void {
    if (this.#state === "done") return;
    this.#state = "done";
    this.#waiting = undefined;
    this.writable.error(reason);
    this.readable.error(reason);
    this.#queue.clear(why);
  }
}
