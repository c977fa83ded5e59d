import { SpillwayError } from "./errors.ts";
import { Ring } from "./internal/ring.ts";
import { type SubscribeOptions, Subscription } from "./internal/subscription.ts";
import { checkFunction, checkNumber, checkOneOf, wrongType } from "./options.ts";

export type { SubscribeOptions } from "./internal/subscription.ts";

/** How much a hub keeps, and what its subscribers get. */
export interface BroadcastOptions<T, E = T> {
  /** The bounds of the shared ring; at both the oldest chunk leaves. */
  readonly capacity?:
    | {
        /** @defaultValue `256` */
        readonly chunks?: number | undefined;
        /** In the unit of `size`. @defaultValue `8_388_608` (8 MiB) */
        readonly bytes?: number | undefined;
      }
    | undefined;
  /**
   * Bytes of a chunk.
   *
   * @defaultValue the chunk's `byteLength` or string length where it has one, else 0
   */
  readonly size?: ((chunk: T) => number) | undefined;
  /**
   * Where a late joiner starts: at the next chunk, the last one, or the last keyframe while the ring
   * holds it (needs `isKey`; the ring should hold the longest group of pictures).
   *
   * @defaultValue `"none"`
   */
  readonly retain?: "none" | "last" | "last-keyframe" | undefined;
  /** Whether a chunk can be decoded by itself. */
  readonly isKey?: ((chunk: T) => boolean) | undefined;
  /** Makes what readers get; called at most once per chunk, when the first subscriber takes it. */
  readonly encode?: ((chunk: T) => E) | undefined;
}

/** Totals over a hub's life. */
export interface BroadcastStats {
  readonly published: number;
  readonly subscribers: number;
  /** Chunks in the ring. */
  readonly retained: number;
  /** Sum of their sizes. */
  readonly retainedSize: number;
}

/** One source, any number of subscribers, one shared ring. */
export interface Broadcast<T, E = T> {
  /**
   * Offers `chunk` to every subscriber; never waits for one.
   *
   * @throws {@link SpillwayError} with `SPW_ERR_CLOSED` after the hub has ended, with `SPW_ERR_CHUNK`
   * when `size` gives no finite number ≥ 0
   */
  publish(chunk: T): void;
  /**
   * The same as a stream: closing it closes the hub, aborting it errors every subscriber, and so does
   * a chunk that cannot be published. It errors when the hub is ended otherwise.
   */
  readonly writable: WritableStream<T>;
  /** A stream of what is published from now on, or from what is retained. */
  subscribe(options?: SubscribeOptions<T>): ReadableStream<E>;
  /** Ends every subscriber once it has read what waits for it. */
  close(): void;
  /** Errors every subscriber with `reason`. */
  abort(reason: unknown): void;
  stats(): BroadcastStats;
}

/**
 * Makes a hub: one shared ring, one cursor per subscriber, an overflow policy per subscriber.
 *
 * Backpressure: `publish()` never waits. A subscriber that falls behind drops by its own policy, and
 * what has left the ring is counted as `"lagged"`; no subscriber slows another or the producer.
 * Memory is that of the ring, whatever the number of subscribers.
 *
 * @param options - the ring's capacity, what late joiners get, how chunks are encoded
 * @returns the hub
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { broadcast } from "@spillway/streams";
 *
 * const prices = broadcast<{ symbol: string; price: number }, string>({
 *   capacity: { chunks: 128 },
 *   encode: (quote) => JSON.stringify(quote),
 * });
 * const newest = prices.subscribe({ overflow: "latest" });
 * prices.publish({ symbol: "SPW", price: 42 });
 * ```
 */
export function broadcast<T, E = T>(options: BroadcastOptions<T, E> = {}): Broadcast<T, E> {
  return new Hub(options);
}

/** Milliseconds after which the counters of subscribers that do not read are brought up to date. */
const SWEEP_EVERY_MS = 250;

interface End<T, E> {
  readonly tell: (subscription: Subscription<T, E>) => void;
  /** What becomes of `writable`. */
  readonly reason: unknown;
}

class Hub<T, E> implements Broadcast<T, E> {
  readonly #ring: Ring<T, E>;
  readonly #size: (chunk: T) => number;
  readonly #retain: "none" | "last" | "last-keyframe";
  readonly #isKey: ((chunk: T) => boolean) | undefined;
  readonly #encode: (chunk: T) => E;
  readonly #subscribers = new Set<Subscription<T, E>>();
  #writable: WritableStream<T> | undefined;
  #sink: WritableStreamDefaultController | undefined;
  #published = 0;
  #lastKey = -1;
  /** No subscriber has yet to see anything before this position. */
  #sweptTo = 0;
  #sweptAt = 0;
  /** How the hub ended; those who come later are told too. */
  #ended: End<T, E> | undefined;

  constructor(options: BroadcastOptions<T, E>) {
    const { capacity = {} } = options;
    this.#ring = new Ring(
      checkNumber("capacity.chunks", capacity.chunks, 256, { min: 1, max: 1 << 20, integer: true }),
      checkNumber("capacity.bytes", capacity.bytes, 8 << 20, { min: 1 }),
    );
    this.#size = checkFunction("size", options.size) ?? byteLengthOf;
    this.#isKey = checkFunction("isKey", options.isKey);
    const words = ["none", "last", "last-keyframe"] as const;
    this.#retain = checkOneOf("retain", options.retain, "none", words);
    if (this.#retain === "last-keyframe" && !this.#isKey) {
      throw wrongType("isKey", 'a function with retain "last-keyframe"', this.#isKey);
    }
    this.#encode = checkFunction("encode", options.encode) ?? ((chunk) => chunk as unknown as E);
  }

  get writable(): WritableStream<T> {
    this.#writable ??= new WritableStream<T>({
      start: (controller) => {
        this.#sink = controller;
        if (this.#ended) controller.error(this.#ended.reason);
      },
      write: (chunk) => this.#write(chunk),
      close: () => {
        this.#sink = undefined;
        this.close();
      },
      abort: (reason) => this.abort(reason),
    });
    return this.#writable;
  }

  publish(chunk: T): void {
    if (this.#ended) throw ended(this.#ended.reason);
    const time = performance.now();
    const size = this.#measure(chunk);
    const isKey = this.#isKey?.(chunk);
    while (!this.#ring.fits(size)) {
      if (this.#ring.first >= this.#sweptTo) this.#sweep(time);
      this.#ring.dropFirst();
    }
    if (isKey) this.#lastKey = this.#ring.next;
    this.#ring.append(chunk, size, time);
    this.#published++;
    if (time - this.#sweptAt > SWEEP_EVERY_MS) this.#sweep(time);
    for (const subscription of this.#subscribers) subscription.wake();
  }

  subscribe(options: SubscribeOptions<T> = {}): ReadableStream<E> {
    const subscription = new Subscription<T, E>(options, this.#ring, this.#start(), {
      encode: this.#encode,
      measure: (chunk) => this.#measure(chunk),
      leave: (leaving) => this.#subscribers.delete(leaving),
    });
    this.#subscribers.add(subscription);
    subscription.open();
    this.#ended?.tell(subscription);
    return subscription.readable;
  }

  close(): void {
    this.#end({ tell: (subscription) => subscription.end(), reason: ended() });
  }

  abort(reason: unknown): void {
    this.#end({ tell: (subscription) => subscription.fail(reason, "aborted"), reason });
  }

  stats(): BroadcastStats {
    this.#sweep(performance.now());
    return {
      published: this.#published,
      subscribers: this.#subscribers.size,
      retained: this.#ring.length,
      retainedSize: this.#ring.size,
    };
  }

  #write(chunk: T): void {
    try {
      this.publish(chunk);
    } catch (error) {
      // The stream errors without a word to `abort`, and subscribers would wait for ever.
      this.abort(error);
      throw error;
    }
  }

  #measure(chunk: T): number {
    const size = this.#size(chunk);
    if (Number.isFinite(size) && size >= 0) return size;
    throw new SpillwayError(
      "SPW_ERR_CHUNK",
      `Cannot publish: size() gave ${String(size)}, want a finite number from 0`,
    );
  }

  #start(): number {
    const { first, next } = this.#ring;
    if (this.#retain === "last") return Math.max(first, next - 1);
    if (this.#retain === "last-keyframe" && this.#lastKey >= first) return this.#lastKey;
    return next;
  }

  /** Shows every subscriber what it has not seen, so that nothing leaves the ring uncounted. */
  #sweep(time: number): void {
    for (const subscription of this.#subscribers) subscription.absorb();
    this.#sweptTo = this.#ring.next;
    this.#sweptAt = time;
  }

  #end(end: End<T, E>): void {
    if (this.#ended) return;
    this.#ended = end;
    for (const subscription of this.#subscribers) end.tell(subscription);
    this.#sink?.error(end.reason);
  }
}

function ended(cause?: unknown): SpillwayError {
  return new SpillwayError("SPW_ERR_CLOSED", "Cannot publish: the hub has ended", { cause });
}

function byteLengthOf(chunk: unknown): number {
  if (typeof chunk === "string") return chunk.length;
  const length = (chunk as { byteLength?: unknown } | null | undefined)?.byteLength;
  return typeof length === "number" ? length : 0;
}
