import { type DropCounts, DropCounter } from "./drops.ts";
import { SpillwayError } from "./errors.ts";
import { Deque } from "./internal/deque.ts";
import { reportUncaught } from "./internal/report.ts";
import { checkFunction, checkNumber } from "./options.ts";
import { type Overflow, overflowPolicy } from "./overflow.ts";
import type { Admission, DropListener, DropReason, Entry, PolicyQueue, Verdict } from "./policy.ts";

/** The bounds of a {@link BoundedQueue}, all three at work at once, and what happens at them. */
export interface QueueOptions<T> {
  /**
   * Chunks the queue may hold.
   *
   * @defaultValue `1_024`
   */
  readonly maxChunks?: number | undefined;
  /**
   * Sum of sizes the queue may hold, in the unit of `size`. One larger chunk enters an empty queue.
   *
   * @defaultValue `Infinity`: only `maxChunks` bounds
   */
  readonly maxSize?: number | undefined;
  /**
   * Milliseconds a chunk may wait; what is older is dropped, never delivered.
   *
   * @defaultValue `Infinity`
   */
  readonly maxAgeMs?: number | undefined;
  /**
   * Measures a chunk: a finite number, 0 or more.
   *
   * @defaultValue 1 for every chunk
   */
  readonly size?: ((chunk: T) => number) | undefined;
  /** @defaultValue `"wait"` */
  readonly overflow?: Overflow<T> | undefined;
  /** Hears of every drop. */
  readonly onDrop?: DropListener<T> | undefined;
  /**
   * The clock, in milliseconds.
   *
   * @defaultValue `performance.now`
   */
  readonly now?: (() => number) | undefined;
}

/** Everything offered is delivered, dropped or queued: `offered = delivered + dropped + queued`. */
export interface QueueStats {
  readonly offered: number;
  readonly delivered: number;
  readonly queued: number;
  /** Sum of the sizes queued. */
  readonly queuedSize: number;
  readonly dropped: DropCounts;
}

/**
 * A ring deque that accounts for count, size and age together and drops by policy.
 *
 * Backpressure: `offer()` answers `"wait"` where the policy wants the producer to wait; the queue
 * never holds more than its bounds, or one chunk that is larger than them.
 *
 * @example
 * ```ts
 * import { BoundedQueue } from "@spillway/streams";
 *
 * const queue = new BoundedQueue<number>({ maxChunks: 2, overflow: "drop-oldest" });
 * for (const chunk of [1, 2, 3]) queue.offer(chunk);
 * queue.shift()?.chunk; // 2
 * queue.stats().dropped.reasons; // { oldest: { chunks: 1, size: 1 } }
 * ```
 */
export class BoundedQueue<T> implements PolicyQueue<T> {
  readonly #maxChunks: number;
  readonly #maxSize: number;
  readonly #maxAgeMs: number;
  readonly #measure: ((chunk: T) => number) | undefined;
  readonly #onDrop: DropListener<T> | undefined;
  readonly #now: () => number;
  readonly #line = new Deque<T>();
  readonly #admission: Admission<T>;
  readonly #drops = new DropCounter();
  /** Drops that `onDrop` has yet to hear of. */
  readonly #untold: [dropped: Entry<T>, reason: DropReason][] = [];
  /** Decisions under way. `onDrop` may read, write and cancel, so it waits until there are none. */
  #deciding = 0;
  #offered = 0;
  #delivered = 0;

  /** @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"` */
  constructor(options: QueueOptions<T> = {}) {
    const positive = { min: Number.MIN_VALUE };
    const { overflow = "wait" } = options;
    this.#maxChunks = checkNumber("maxChunks", options.maxChunks, 1024, { min: 1, integer: true });
    this.#maxSize = checkNumber("maxSize", options.maxSize, Infinity, positive);
    this.#maxAgeMs = checkNumber("maxAgeMs", options.maxAgeMs, Infinity, positive);
    this.#measure = checkFunction("size", options.size);
    this.#onDrop = checkFunction("onDrop", options.onDrop);
    this.#now = checkFunction("now", options.now) ?? (() => performance.now());
    this.#admission = overflowPolicy(overflow).start(this);
  }

  get length(): number {
    return this.#line.length;
  }

  get size(): number {
    return this.#line.size;
  }

  get first(): number {
    return this.#line.first;
  }

  get next(): number {
    return this.#line.next;
  }

  /** Whether a chunk of `size` fits now. An empty queue takes any chunk, however large. */
  fits(size: number): boolean {
    if (this.length === 0) return true;
    return this.length < this.#maxChunks && this.size + size <= this.#maxSize;
  }

  /**
   * @returns the size of `chunk`
   * @throws {@link SpillwayError} with `SPW_ERR_CHUNK` when `size` gives no finite number ≥ 0
   */
  measure(chunk: T): number {
    const size = this.#measure ? this.#measure(chunk) : 1;
    if (!Number.isFinite(size) || size < 0) {
      throw new SpillwayError(
        "SPW_ERR_CHUNK",
        `Cannot queue chunk: size() gave ${String(size)}, want a finite number from 0`,
      );
    }
    return size;
  }

  at(position: number): Entry<T> {
    return this.#line.at(position);
  }

  /** Measures and stamps a chunk for {@link BoundedQueue.offerEntry}; its age counts from here. */
  stamp(chunk: T): Entry<T> {
    return { chunk, size: this.measure(chunk), time: this.#now() };
  }

  /**
   * Offers a chunk to the policy.
   *
   * @returns what became of it; after `"wait"` it was not taken and is offered again later
   * @throws {@link SpillwayError} with `SPW_ERR_OVERFLOW` when the policy wants that
   */
  offer(chunk: T): Exclude<Verdict, "overflow"> {
    return this.offerEntry(this.stamp(chunk));
  }

  /** As {@link BoundedQueue.offer}, for an entry measured and stamped before. */
  offerEntry(entry: Entry<T>): Exclude<Verdict, "overflow"> {
    this.#deciding++;
    try {
      this.dropStale();
      const verdict = this.#admission.admit(entry);
      if (verdict === "wait") return verdict;
      this.#offered++;
      if (verdict === "queue") this.#line.push(entry);
      else if (this.#offered > this.#delivered + this.#drops.chunks + this.length) {
        // Also when the policy turned it away without a word to the counters.
        this.#count(entry, "newest");
      }
      if (verdict !== "overflow") return verdict;
    } finally {
      this.#decided();
    }
    throw this.#overflowed(entry);
  }

  /** Takes the oldest chunk that is still fresh. */
  shift(): Entry<T> | undefined {
    this.dropStale();
    if (this.length === 0) return undefined;
    this.#delivered++;
    return this.#removeFirst();
  }

  /** Drops everything, for good: a policy does not hear of it. */
  clear(reason: DropReason): void {
    while (this.length > 0) this.dropFirst(reason);
  }

  dropFirst(reason: DropReason): void {
    this.#count(this.#removeFirst(), reason);
  }

  dropWhere(reason: DropReason, matches: (entry: Entry<T>, position: number) => boolean): void {
    this.#deciding++;
    try {
      this.#line.takeOut((entry, position) => {
        const isDropped = matches(entry, position);
        if (isDropped) this.#count(entry, reason);
        return isDropped;
      });
    } finally {
      this.#decided();
    }
  }

  replace(position: number, entry: Entry<T>, reason: DropReason): void {
    this.#count(this.#line.replace(position, entry), reason);
    while (this.size > this.#maxSize && this.length > 1) this.dropFirst("oldest");
  }

  refuse(entry: Entry<T>, reason: DropReason): "refused" {
    this.#count(entry, reason);
    return "refused";
  }

  stats(): QueueStats {
    this.dropStale();
    return {
      offered: this.#offered,
      delivered: this.#delivered,
      queued: this.length,
      queuedSize: this.size,
      dropped: this.#drops.counts(),
    };
  }

  /** Drops from the front what is too old; policies may keep some. */
  dropStale(): void {
    if (this.#maxAgeMs === Infinity || this.length === 0) return;
    const oldest = this.#now() - this.#maxAgeMs;
    this.dropFront("expired", (entry) => entry.time < oldest);
  }

  /** Drops from the front while `matches`, passing over what the policy keeps. */
  dropFront(reason: DropReason, matches: (entry: Entry<T>) => boolean): void {
    this.#deciding++;
    try {
      let position = this.first;
      while (position < this.next) {
        const entry = this.at(position);
        if (!matches(entry)) return;
        if (this.#admission.keeps?.(entry)) {
          position++;
        } else {
          if (position === this.first) this.dropFirst(reason);
          else this.dropWhere(reason, (_, other) => other === position);
          this.#admission.lost?.(entry);
          position = Math.max(position, this.first);
        }
      }
    } finally {
      this.#decided();
    }
  }

  #removeFirst(): Entry<T> {
    const position = this.first;
    const entry = this.#line.shift();
    this.#admission.left?.(entry, position);
    return entry;
  }

  #overflowed({ size }: Entry<T>): SpillwayError {
    return new SpillwayError(
      "SPW_ERR_OVERFLOW",
      `Cannot queue chunk of size ${size}: ${this.length} chunks of size ${this.size} wait ` +
        `and the limits are ${this.#maxChunks} and ${this.#maxSize}`,
    );
  }

  #count(entry: Entry<T>, reason: DropReason): void {
    this.#drops.count(reason, 1, entry.size);
    if (this.#onDrop) this.#untold.push([entry, reason]);
    if (this.#deciding === 0) this.#tell();
  }

  #decided(): void {
    this.#deciding--;
    if (this.#deciding === 0 && this.#untold.length > 0) this.#tell();
  }

  #tell(): void {
    for (let drop = this.#untold.shift(); drop; drop = this.#untold.shift()) {
      try {
        this.#onDrop?.(...drop);
      } catch (error) {
        reportUncaught(error);
      }
    }
  }
}
