import { SpillwayError } from "../errors.ts";
import { checkNumber, outOfRange } from "../options.ts";
import type { DropListener, DropReason, Entry, OverflowPolicy } from "../policy.ts";
import type { Overflow } from "../overflow.ts";
import { overflowPolicy } from "../overflow.ts";
import { BoundedQueue } from "../queue.ts";
import type { Ring, Slot } from "./ring.ts";

/** How one subscriber is served when it is slower than the source. */
export interface SubscribeOptions<T> {
  /** @defaultValue `"drop-oldest"` */
  readonly overflow?: Exclude<Overflow<T>, "wait"> | undefined;
  /**
   * Chunks that may wait for this subscriber; never more bytes than the ring may hold.
   *
   * @defaultValue the ring's capacity
   */
  readonly highWaterMark?: number | undefined;
  /**
   * Milliseconds since `publish()` after which a chunk is dropped instead of delivered.
   *
   * @defaultValue `Infinity`
   */
  readonly maxAgeMs?: number | undefined;
  /** Hears of every drop. */
  readonly onDrop?: DropListener<T> | undefined;
  /** Errors the stream with its reason, and ends the subscription. */
  readonly signal?: AbortSignal | undefined;
}

/** What a subscription needs of its hub. */
export interface SubscriptionHost<T, E> {
  encode(chunk: T): E;
  measure(chunk: T): number;
  leave(subscription: Subscription<T, E>): void;
}

/** A cursor in the ring and a queue of what the policy let through; chunks stay in the ring. */
export class Subscription<T, E> {
  readonly readable: ReadableStream<E>;
  readonly #ring: Ring<T, E>;
  readonly #host: SubscriptionHost<T, E>;
  readonly #queue: BoundedQueue<T>;
  readonly #policy: OverflowPolicy<T>;
  readonly #signal: AbortSignal | undefined;
  #controller!: ReadableStreamDefaultController<E>;
  #cursor: number;
  #wanted = false;
  #delivering = false;
  #state: "open" | "ending" | "done" = "open";

  constructor(
    options: SubscribeOptions<T>,
    ring: Ring<T, E>,
    start: number,
    host: SubscriptionHost<T, E>,
  ) {
    const { overflow = "drop-oldest", highWaterMark, maxAgeMs, onDrop, signal } = options;
    if ((overflow as string) === "wait") throw waits(overflow);
    this.#policy = overflowPolicy<T>(overflow);
    this.#ring = ring;
    this.#host = host;
    this.#cursor = start;
    const whole = { min: 1, integer: true };
    this.#queue = new BoundedQueue<T>({
      maxChunks: checkNumber("highWaterMark", highWaterMark, ring.maxChunks, whole),
      maxSize: ring.maxSize,
      maxAgeMs,
      size: (chunk) => host.measure(chunk),
      overflow: this.#policy,
      onDrop,
    });
    this.readable = new ReadableStream<E>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#wanted = true;
          this.#deliver();
        },
        cancel: () => this.#finish("cancelled"),
      },
      { highWaterMark: 0 },
    );
    this.#signal = signal;
  }

  /** Takes in what is retained, so that it cannot leave the ring uncounted, and minds the signal. */
  open(): void {
    if (this.#signal?.aborted) this.#onAbort();
    else this.#signal?.addEventListener("abort", this.#onAbort);
    this.absorb();
  }

  /** Shows the policy what was published since; drops what has left the ring. */
  absorb(): void {
    if (this.#isDone) return;
    try {
      if (!this.#policy.outlivesRing) {
        const { first } = this.#ring;
        this.#queue.dropFront("lagged", (entry) => (entry as Slot<T, E>).position < first);
      }
      while (this.#isBehind()) {
        const verdict = this.#queue.offerEntry(this.#ring.at(this.#cursor++));
        if (verdict === "wait") throw waits(this.#policy.name);
      }
      this.#queue.dropStale();
    } catch (error) {
      this.fail(error, "closed");
    }
  }

  /** Delivers to a reader that waits. */
  wake(): void {
    if (this.#wanted) this.#deliver();
  }

  /** Closes the stream once it has been read to its end. */
  end(): void {
    if (this.#state !== "open") return;
    this.absorb();
    if (this.#isDone) return;
    this.#state = "ending";
    this.#deliver();
  }

  /** Errors the stream at once. */
  fail(reason: unknown, why: DropReason): void {
    if (this.#isDone) return;
    this.#controller.error(reason);
    this.#finish(why);
  }

  readonly #onAbort = (): void => this.fail(this.#signal?.reason, "aborted");

  get #isDone(): boolean {
    return this.#state === "done";
  }

  #isBehind(): boolean {
    return !this.#isDone && this.#cursor < this.#ring.next;
  }

  /** `onDrop` and `encode` may call back in here; the outermost call does all there is to do. */
  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      do this.absorb();
      while (this.#handOut() || this.#isBehind());
      if (this.#state === "ending" && this.#queue.length === 0) {
        this.#controller.close();
        this.#finish("closed");
      }
    } catch (error) {
      this.fail(error, "closed");
    } finally {
      this.#delivering = false;
    }
  }

  #handOut(): boolean {
    const entry = this.#wanted ? this.#queue.shift() : undefined;
    if (!entry) return false;
    this.#wanted = false;
    const chunk = this.#encode(entry);
    if (!this.#isDone) this.#controller.enqueue(chunk);
    return true;
  }

  #encode(entry: Entry<T> & { encoded?: E }): E {
    try {
      if ("encoded" in entry) return entry.encoded;
      return (entry.encoded = this.#host.encode(entry.chunk));
    } catch (cause) {
      throw new SpillwayError("SPW_ERR_CHUNK", "Cannot deliver chunk: encode() threw", { cause });
    }
  }

  #finish(why: DropReason): void {
    this.#state = "done";
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#host.leave(this);
    this.#queue.clear(why);
  }
}

function waits(given: unknown): RangeError {
  return outOfRange("overflow", "a policy that drops (a hub never waits)", given);
}
