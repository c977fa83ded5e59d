import { SpillwayError } from "../errors.ts";
import type { Gap } from "../gap.ts";
import {
  type HubSettings,
  makeFeed,
  type SubscribeOptions,
  type SubscribeWithGapsOptions,
} from "./hub-options.ts";
import { fits, overflowed } from "./bounds.ts";
import { findJoint } from "./joint.ts";
import type { Sink } from "./protocol.ts";
import { ReadableEnd } from "./readable-end.ts";
import { QueueFeed } from "./queue-feed.ts";
import { Ring } from "./ring.ts";
import { type SubscriberStats, Subscription, type SubscriptionHost } from "./subscription.ts";
import { WritableEnd } from "./writable-end.ts";

/** Milliseconds after which the counters of subscribers that do not read are brought up to date. */
const SWEEP_EVERY_MS = 250;

/** Totals over a hub's life. */
export interface BroadcastStats {
  readonly published: number;
  readonly subscribers: number;
  /** Chunks in the ring. */
  readonly retained: number;
  /** Sum of their sizes. */
  readonly retainedSize: number;
  /** Chunks that the slowest subscriber has yet to take or drop. */
  readonly maxLag: number;
}

/** The ring, those who read it, and those of them who wait. */
export class Hub<T, E> implements Sink<T>, SubscriptionHost<T, E> {
  readonly #settings: HubSettings<T, E>;
  readonly #ring: Ring<T, E>;
  readonly #subscribers = new Set<Subscription<T, E>>();
  /** Those who have taken all there is. */
  #waiting = new Set<Subscription<T, E>>();
  #isWaking = false;
  /** Those whose policy must see a chunk before it leaves the ring. */
  readonly #watching = new Set<Subscription<T, E>>();
  #writable: WritableEnd<T> | undefined;
  #isWritableOver = false;
  #lastKey = -1;
  #sweptAt = performance.now();
  /** What lies before may leave the ring: those who watch have seen it, or with lossless all have taken it. */
  #clearTo = 0;
  /** Lossless: how many have yet to take the oldest chunk, while the writable waits for them. */
  #blocking = 0;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  /** Since when the writable waits for the same chunk to be taken. */
  #heldSince: number | undefined;
  /** How the hub ended; those who come later are told too. */
  #ended: Ended<T, E> | undefined;

  constructor(settings: HubSettings<T, E>) {
    this.#settings = settings;
    this.#ring = new Ring(settings.maxChunks, settings.maxSize);
  }

  get writable(): WritableStream<T> {
    if (!this.#writable) {
      this.#writable = new WritableEnd<T>(this);
      if (this.#ended) this.#writable.error(this.#ended.reason);
    }
    return this.#writable.stream;
  }

  publish(chunk: T): void {
    if (this.#ended) throw ended(this.#ended.reason);
    const refused = this.#offer(chunk);
    if (refused !== undefined) throw overflowed(refused, this.#ring);
  }

  put(chunk: T): boolean | Promise<void> {
    try {
      if (this.#offer(chunk) === undefined) return true;
      this.#heldSince ??= performance.now();
      this.#deadline ??= setTimeout(this.#onDeadline, this.#settings.deadlineMs);
      return false;
    } catch (error) {
      // Subscribers would wait for ever.
      this.end("aborted", error);
      return Promise.reject(error);
    }
  }

  close(): void {
    this.#isWritableOver = true;
    this.end("closed");
  }

  abort(reason: unknown): void {
    this.#isWritableOver = true;
    this.end("aborted", reason);
  }

  /** Ends the hub: subscribers read what is left, or error with `reason`. */
  end(how: "closed" | "aborted", reason: unknown = ended()): void {
    if (this.#ended) return;
    const tell = (subscription: Subscription<T, E>): void =>
      how === "closed" ? subscription.close() : subscription.fail(reason, "aborted");
    this.#ended = { reason, tell };
    clearTimeout(this.#deadline);
    // First: what is held up must not be published when those who leave make room.
    if (!this.#isWritableOver) this.#writable?.error(reason);
    for (const subscription of this.#subscribers) tell(subscription);
  }

  subscribe(options: SubscribeOptions<T> | SubscribeWithGapsOptions<T>): ReadableStream<E | Gap> {
    const feed = makeFeed(options, this.#ring, this.#start(), this.#settings);
    const { signal } = options;
    const subscription = new Subscription<T, E>(this, feed, signal, this.#takeSnapshot());
    this.#subscribers.add(subscription);
    if (feed instanceof QueueFeed) this.#watching.add(subscription);
    if (this.#blocking > 0 && feed.cursor === this.#ring.first) this.#blocking++;
    subscription.open();
    this.#clearTo = Math.min(this.#clearTo, feed.cursor);
    this.#ended?.tell(subscription);
    return subscription.end.stream;
  }

  statsOf(readable: ReadableStream<unknown>): SubscriberStats | undefined {
    const subscription = ReadableEnd.of(readable)?.source as Subscription<T, E>;
    return this.#subscribers.has(subscription) ? subscription.stats() : undefined;
  }

  stats(): BroadcastStats {
    this.#sweep();
    let maxLag = 0;
    for (const { feed } of this.#subscribers) maxLag = Math.max(maxLag, feed.lag);
    return {
      published: this.#ring.next,
      subscribers: this.#subscribers.size,
      retained: this.#ring.length,
      retainedSize: this.#ring.size,
      maxLag,
    };
  }

  /** Publishes a chunk, or gives the size of one that has no room, as only a lossless hub does. */
  #offer(chunk: T): number | undefined {
    const size = this.#settings.size(chunk);
    while (!fits(size, this.#ring)) {
      this.#wake();
      if (this.#ring.first >= this.#clearTo) this.#sweep();
      if (this.#blocking > 0) return size;
      this.#ring.dropFirst();
    }
    this.#heldSince = undefined;
    const time = performance.now();
    if (this.#settings.isKey?.(chunk)) this.#lastKey = this.#ring.next;
    this.#ring.append(chunk, size, time);
    if (time - this.#sweptAt > SWEEP_EVERY_MS) this.#sweep();
    if (this.#waiting.size > 0 && !this.#isWaking) {
      this.#isWaking = true;
      queueMicrotask(this.#wake);
    }
    return undefined;
  }

  /** Serves those who wait: once for all that is published in one go, or nobody would be sent much. */
  readonly #wake = (): void => {
    if (!this.#isWaking) return;
    this.#isWaking = false;
    const woken = this.#waiting;
    this.#waiting = new Set();
    if (!findJoint()?.wake(woken)) for (const { end } of woken) end.wake();
  };

  encode(chunk: T): E {
    const { encode } = this.#settings;
    if (!encode) return chunk as unknown as E;
    try {
      return encode(chunk);
    } catch (cause) {
      throw new SpillwayError("SPW_ERR_CHUNK", "Cannot deliver chunk: encode() threw", { cause });
    }
  }

  #start(): number {
    const { first, next } = this.#ring;
    const { retain } = this.#settings;
    if (retain === "last") return Math.max(first, next - 1);
    if (retain === "last-keyframe" && this.#lastKey >= first) return this.#lastKey;
    return next;
  }

  #takeSnapshot(): Iterator<T> | undefined {
    try {
      return this.#settings.snapshot?.()[Symbol.iterator]();
    } catch (cause) {
      throw new SpillwayError("SPW_ERR_SOURCE", "Cannot subscribe: retain() threw", { cause });
    }
  }

  wait(subscription: Subscription<T, E>): void {
    this.#waiting.add(subscription);
  }

  leave(subscription: Subscription<T, E>): void {
    this.#subscribers.delete(subscription);
    this.#watching.delete(subscription);
    this.#waiting.delete(subscription);
    this.passed(subscription.feed.cursor);
  }

  passed(position: number): void {
    const isOneOf = this.#blocking > 0 && position === this.#ring.first;
    if (isOneOf && --this.#blocking === 0) this.#writable?.wake();
  }

  /** One timer serves all holds: most are over at once, and a timer for each costs more than they do. */
  readonly #onDeadline = (): void => {
    const { deadlineMs } = this.#settings;
    // NaN while nothing is held up.
    const leftMs = (this.#heldSince ?? NaN) + deadlineMs - performance.now();
    this.#deadline = leftMs > 0 ? setTimeout(this.#onDeadline, leftMs) : undefined;
    if (!(leftMs <= 0)) return;
    const error = new SpillwayError(
      "SPW_ERR_SLOW_CONSUMER",
      `Cannot wait for subscriber: the limit is ${deadlineMs} ms`,
    );
    const { first } = this.#ring;
    for (const one of this.#subscribers) if (one.feed.cursor === first) one.fail(error, "closed");
  };

  /** Shows those who watch what they have not seen; with lossless, finds out how far all have come. */
  #sweep(): void {
    for (const subscription of this.#watching) subscription.absorb();
    this.#sweptAt = performance.now();
    this.#clearTo = this.#ring.next;
    if (!this.#settings.lossless) return;
    this.#blocking = 0;
    for (const { feed } of this.#subscribers) {
      this.#clearTo = Math.min(this.#clearTo, feed.cursor);
      if (feed.cursor === this.#ring.first) this.#blocking++;
    }
  }
}

interface Ended<T, E> {
  readonly tell: (subscription: Subscription<T, E>) => void;
  /** What becomes of `writable`. */
  readonly reason: unknown;
}

function ended(cause?: unknown): SpillwayError {
  return new SpillwayError("SPW_ERR_CLOSED", "Cannot publish: the hub ended", { cause });
}
