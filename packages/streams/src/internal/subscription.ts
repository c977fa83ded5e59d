import { Gap } from "../gap.ts";
import type { DropReason, Way } from "../policy.ts";
import type { QueueStats } from "../queue-options.ts";
import type { Feed, Item } from "./feed.ts";
import { EMPTY, type Source } from "./protocol.ts";
import { ReadableEnd } from "./readable-end.ts";
import { reportUncaught } from "./report.ts";

/** What a subscription needs of its hub. */
export interface SubscriptionHost<T, E> {
  encode(chunk: T): E;
  /** Nothing is left to take: wake it when something is published. */
  wait(subscription: Subscription<T, E>): void;
  /** It has moved on from `position`. */
  passed(position: number): void;
  leave(subscription: Subscription<T, E>): void;
}

/** What one subscriber was served, and how far behind it is. */
export interface SubscriberStats extends QueueStats {
  /** Chunks published that it has neither taken nor dropped. */
  readonly lag: number;
}

/** One subscriber: the end that it reads, and the feed that knows what it gets. */
export class Subscription<T, E> implements Source<E | Gap> {
  readonly end: ReadableEnd<E | Gap>;
  readonly feed: Feed<T, E>;
  readonly host: SubscriptionHost<T, E>;
  readonly #signal: AbortSignal | undefined;
  /** What was there before the first chunk published to it, until it has been read. */
  snapshot: Iterator<T> | undefined;
  #state: "open" | "ending" | "done" = "open";

  constructor(
    host: SubscriptionHost<T, E>,
    feed: Feed<T, E>,
    signal: AbortSignal | undefined,
    snapshot: Iterator<T> | undefined,
  ) {
    this.host = host;
    this.feed = feed;
    this.#signal = signal;
    this.snapshot = snapshot;
    this.end = new ReadableEnd<E | Gap>(this);
  }

  /** Takes in what is retained, so that it cannot leave the ring uncounted, and minds the signal. */
  open(): void {
    if (this.#signal?.aborted) this.#onAbort();
    else this.#signal?.addEventListener("abort", this.#onAbort);
    this.absorb();
  }

  take(): E | Gap | typeof EMPTY {
    if (this.#state === "done") return EMPTY;
    try {
      const chunk = this.#next();
      // `onDrop` and `encode` may have ended it.
      if (this.#isDone()) return EMPTY;
      if (this.#state === "ending") this.#closeWhenEmpty();
      else if (chunk === EMPTY) this.host.wait(this);
      return chunk;
    } catch (error) {
      this.fail(error, "closed");
      return EMPTY;
    }
  }

  cancel(): void {
    this.#finish("cancelled");
  }

  /** Shows the policy what was published since. */
  absorb(way?: Way): void {
    if (this.#isDone()) return;
    try {
      this.feed.absorb(way);
    } catch (error) {
      this.fail(error, "closed");
    }
  }

  /** Closes the stream once it has been read to its end. */
  close(): void {
    if (this.#state !== "open") return;
    this.absorb();
    if (this.#isDone()) return;
    this.#state = "ending";
    this.#closeWhenEmpty();
    this.end.wake();
  }

  /** Errors the stream at once. */
  fail(reason: unknown, why: DropReason): void {
    if (this.#isDone()) return;
    this.#finish(why);
    this.end.error(reason);
  }

  stats(): SubscriberStats {
    this.absorb();
    return { ...this.feed.stats(), lag: this.feed.lag };
  }

  readonly #onAbort = (): void => this.fail(this.#signal?.reason, "aborted");

  #isDone(): boolean {
    return this.#state === "done";
  }

  #next(): E | Gap | typeof EMPTY {
    const snapshot = this.snapshot;
    if (snapshot) {
      // One that throws is over as well.
      this.snapshot = undefined;
      const { done, value } = snapshot.next();
      if (!done) {
        this.snapshot = snapshot;
        return this.host.encode(value);
      }
    }
    const { cursor } = this.feed;
    const item = this.feed.next(this.end);
    if (this.feed.cursor !== cursor) this.host.passed(cursor);
    if (item === undefined || this.#isDone()) return EMPTY;
    return item instanceof Gap ? item : this.encoded(item);
  }

  encoded(item: Item<T, E>): E {
    // What is encoded may be undefined.
    if (!("encoded" in item)) item.encoded = this.host.encode(item.chunk);
    return item.encoded;
  }

  #closeWhenEmpty(): void {
    if (!this.feed.isEmpty || this.snapshot) return;
    this.#finish("closed");
    this.end.close();
  }

  #finish(why: DropReason): void {
    this.#state = "done";
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.host.leave(this);
    this.feed.clear(why);
    // Last: what it throws keeps nobody from being told.
    try {
      this.snapshot?.return?.();
    } catch (error) {
      reportUncaught(error);
    }
  }
}
