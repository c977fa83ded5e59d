import { checkNumber } from "./options.ts";
import type { DropReason, Entry } from "./policy.ts";
import { BoundedQueue, type QueueOptions, type QueueStats } from "./queue.ts";

/** The bounds of {@link bounded} and what happens at them. */
export interface BoundedOptions<T> extends Omit<QueueOptions<T>, "maxSize"> {
  /**
   * What the queue may hold, in the unit of `size`; without `size`, chunks.
   *
   * @defaultValue 64 chunks; 65,536 (64 KiB) with `size`
   */
  readonly highWaterMark?: number | undefined;
}

/** A TransformStream-shaped pair around one bounded queue. */
export interface Bounded<T> {
  readonly readable: ReadableStream<T>;
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
export function bounded<T>(options: BoundedOptions<T> = {}): Bounded<T> {
  const { highWaterMark, ...rest } = options;
  const mark = options.size
    ? checkNumber("highWaterMark", highWaterMark, 65_536, { min: Number.MIN_VALUE })
    : checkNumber("highWaterMark", highWaterMark, 64, { min: 1, integer: true });
  const queue = new BoundedQueue<T>({
    ...rest,
    maxChunks: options.maxChunks ?? (options.size ? undefined : mark),
    maxSize: mark,
  });
  const pair = new Pair(queue);
  return { readable: pair.readable, writable: pair.writable, stats: () => queue.stats() };
}

interface Stalled<T> {
  readonly entry: Entry<T>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

class Pair<T> {
  readonly readable: ReadableStream<T>;
  readonly writable: WritableStream<T>;
  readonly #queue: BoundedQueue<T>;
  #source!: ReadableStreamDefaultController<T>;
  #sink!: WritableStreamDefaultController;
  /** The write in flight; only we can settle it, neither `abort()` nor `pipeTo` does. */
  #stalled: Stalled<T> | undefined;
  #wanted = false;
  #delivering = false;
  #state: "open" | "closing" | "done" = "open";

  constructor(queue: BoundedQueue<T>) {
    this.#queue = queue;
    this.readable = new ReadableStream<T>(
      {
        start: (controller) => {
          this.#source = controller;
        },
        pull: () => {
          this.#wanted = true;
          this.#deliver();
        },
        cancel: (reason) => this.#fail("cancelled", reason),
      },
      { highWaterMark: 0 },
    );
    this.writable = new WritableStream<T>(
      {
        start: (controller) => {
          this.#sink = controller;
          const { signal } = controller;
          signal.addEventListener("abort", () => this.#fail("aborted", signal.reason));
        },
        write: (chunk) => this.#write(chunk),
        close: () => {
          this.#state = "closing";
          this.#deliver();
        },
      },
      { highWaterMark: 1 },
    );
  }

  #write(chunk: T): Promise<void> | undefined {
    try {
      const entry = this.#queue.stamp(chunk);
      if (this.#queue.offerEntry(entry) === "wait" && this.#state === "open") {
        return new Promise((resolve, reject) => {
          this.#stalled = { entry, resolve, reject };
        });
      }
    } catch (error) {
      this.#fail("closed", error);
      throw error;
    }
    this.#deliver();
    return undefined;
  }

  /** `onDrop` and the reader may call back in here; the outermost call does all there is to do. */
  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      do this.#admitStalled();
      while (this.#handOut());
      if (this.#state === "closing" && this.#queue.length === 0) {
        this.#state = "done";
        this.#source.close();
      }
    } catch (error) {
      this.#fail("closed", error);
    } finally {
      this.#delivering = false;
    }
  }

  #admitStalled(): void {
    const stalled = this.#stalled;
    if (!stalled || this.#queue.offerEntry(stalled.entry) === "wait") return;
    this.#stalled = undefined;
    stalled.resolve();
  }

  #handOut(): boolean {
    const entry = this.#wanted ? this.#queue.shift() : undefined;
    if (!entry) return false;
    this.#wanted = false;
    this.#source.enqueue(entry.chunk);
    return true;
  }

  /** Ends both sides at once; the side the failure came from has ended already and stays so. */
  #fail(why: DropReason, reason: unknown): void {
    if (this.#state === "done") return;
    this.#state = "done";
    this.#stalled?.reject(reason);
    this.#stalled = undefined;
    // `abort()` errors its stream itself, and would reject if it found that done.
    if (why !== "aborted") this.#sink.error(reason);
    this.#source.error(reason);
    this.#queue.clear(why);
  }
}
