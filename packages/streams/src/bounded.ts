import { SpillwayError } from "./errors.ts";
import { checkNumber } from "./options.ts";
import type { DropReason } from "./policy.ts";
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
 * const newest = bounded<string>({ highWaterMark: 16, overflow: "drop-oldest" });
 * ReadableStream.from(["a", "b"]).pipeThrough(newest);
 * ```
 */
export function bounded<T>(options: BoundedOptions<T> = {}): Bounded<T> {
  const { highWaterMark, ...rest } = options;
  const mark = checkNumber("highWaterMark", highWaterMark, options.size ? 65_536 : 64, {
    min: Number.MIN_VALUE,
  });
  const queue = new BoundedQueue<T>({
    ...rest,
    maxChunks: options.maxChunks ?? (options.size ? undefined : Math.max(1, Math.floor(mark))),
    maxSize: mark,
  });
  const pair = new Pair(queue);
  return { readable: pair.readable, writable: pair.writable, stats: () => queue.stats() };
}

interface Stalled<T> {
  readonly chunk: T;
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
        cancel: (reason) => {
          this.#stop("cancelled", reason);
          this.#sink.error(reason);
        },
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
          if (this.#state === "open") this.#state = "closing";
          this.#deliver();
        },
      },
      { highWaterMark: 1 },
    );
  }

  #write(chunk: T): Promise<void> | undefined {
    let verdict;
    try {
      verdict = this.#queue.offer(chunk);
    } catch (error) {
      this.#fail("closed", error);
      throw error;
    }
    if (verdict === "wait") {
      return new Promise((resolve, reject) => {
        this.#stalled = { chunk, resolve, reject };
      });
    }
    this.#deliver();
    return undefined;
  }

  #deliver(): void {
    if (this.#state === "done") return;
    if (this.#wanted) {
      const entry = this.#queue.shift();
      if (entry) {
        this.#wanted = false;
        this.#admitStalled();
        this.#source.enqueue(entry.chunk);
        return;
      }
    }
    if (this.#state === "closing" && this.#queue.length === 0) {
      this.#state = "done";
      this.#source.close();
    }
  }

  #admitStalled(): void {
    const stalled = this.#stalled;
    if (!stalled) return;
    try {
      if (this.#queue.offer(stalled.chunk) === "wait") return;
      this.#stalled = undefined;
      stalled.resolve();
    } catch (error) {
      this.#fail("closed", error);
    }
  }

  /** Errors the readable; the writable errors by itself or through the rejected write. */
  #fail(why: DropReason, reason: unknown): void {
    if (this.#state === "done") return;
    this.#stop(why, reason);
    this.#source.error(reason);
  }

  #stop(why: DropReason, reason: unknown): void {
    this.#state = "done";
    this.#queue.clear(why);
    this.#stalled?.reject(
      reason ?? new SpillwayError("SPW_ERR_ABORTED", "Cannot queue chunk: the stream was given up"),
    );
    this.#stalled = undefined;
  }
}
