import { SpillwayError } from "../errors.ts";
import { wrongType } from "../options.ts";
import type { DropListener, DropReason, Entry } from "../policy.ts";
import type { Overflow } from "../overflow.ts";
import { overflowPolicy } from "../overflow.ts";
import { BoundedQueue } from "../queue.ts";
import type { Ring, Slot } from "./ring.ts";

/** How one subscriber is served when it is slower than the source. */
export interface SubscribeOptions<T> {
  /** @defaultValue `"drop-oldest"` */
  readonly overflow?: Exclude<Overflow<T>, "wait"> | undefined;
  /**
   * Chunks that may wait for this subscriber.
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
  wait(subscription: Subscription<T, E>): void;
  leave(subscription: Subscription<T, E>): void;
}

/** A cursor in the ring and a queue of what the policy let through; chunks stay in the ring. */
export class Subscription<T, E> {
  readonly readable: ReadableStream<E>;
  readonly #ring: Ring<T, E>;
  readonly #host: SubscriptionHost<T, E>;
  readonly #queue: BoundedQueue<T>;
  readonly #outlivesRing: boolean;
  readonly #signal: AbortSignal | undefined;
  #controller!: ReadableStreamDefaultController<E>;
  #cursor: number;
  #wanted = false;
  #waiting = false;
  #state: "open" | "ending" | "done" = "open";

  constructor(
    options: SubscribeOptions<T>,
    ring: Ring<T, E>,
    start: number,
    host: SubscriptionHost<T, E>,
  ) {
    const { overflow = "drop-oldest", highWaterMark, maxAgeMs, onDrop, signal } = options;
    if ((overflow as string) === "wait") {
      throw wrongType("overflow", "a policy that drops (a hub never waits)", overflow);
    }
    const policy = overflowPolicy<T>(overflow);
    this.#ring = ring;
    this.#host = host;
    this.#cursor = start;
    this.#outlivesRing = policy.outlivesRing ?? false;
    const maxChunks = highWaterMark ?? ring.maxChunks;
    const size = (chunk: T): number => host.measure(chunk);
    this.#queue = new BoundedQueue<T>({ maxChunks, maxAgeMs, size, overflow: policy, onDrop });
    this.readable = new ReadableStream<E>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#wanted = true;
          this.deliver();
        },
        cancel: () => this.#finish("cancelled"),
      },
      { highWaterMark: 0 },
    );
    this.#signal = signal;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort);
  }

  /** Shows the policy what was published since; drops what has left the ring. */
  absorb(): void {
    if (this.#state === "done") return;
    const { first, next } = this.#ring;
    try {
      if (!this.#outlivesRing) {
        this.#queue.dropFront("lagged", (entry) => (entry as Slot<T, E>).position < first);
      }
      while (this.#cursor < next) this.#queue.offerEntry(this.#ring.at(this.#cursor++));
      this.#queue.dropStale();
    } catch (error) {
      this.fail(error, "closed");
    }
  }

  /** Hands out the next chunk when one is wanted, or waits for it. */
  deliver(): void {
    this.absorb();
    if (this.#state === "done") return;
    const entry = this.#wanted ? this.#queue.shift() : undefined;
    if (entry) {
      this.#wanted = false;
      this.#enqueue(entry);
    } else if (this.#state === "ending") {
      if (this.#queue.length > 0) return;
      this.#finish("closed");
      this.#controller.close();
    } else if (this.#wanted && !this.#waiting) {
      this.#waiting = true;
      this.#host.wait(this);
    }
  }

  /** Called once for each time the subscription waits. */
  wake(): void {
    this.#waiting = false;
    this.deliver();
  }

  /** Closes the stream once it has been read to its end. */
  end(): void {
    if (this.#state !== "open") return;
    this.absorb();
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.deliver();
  }

  /** Errors the stream at once. */
  fail(reason: unknown, why: DropReason): void {
    if (this.#state === "done") return;
    this.#finish(why);
    this.#controller.error(reason);
  }

  readonly #onAbort = (): void => this.fail(this.#signal?.reason, "aborted");

  #enqueue(entry: Entry<T>): void {
    const slot = entry as Slot<T, E>;
    try {
      if (!("encoded" in slot)) slot.encoded = this.#host.encode(slot.chunk);
    } catch (cause) {
      this.fail(
        new SpillwayError("SPW_ERR_CHUNK", "Cannot deliver chunk: encode() threw", { cause }),
        "closed",
      );
      return;
    }
    this.#controller.enqueue(slot.encoded);
  }

  #finish(why: DropReason): void {
    this.#state = "done";
    this.#queue.clear(why);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#host.leave(this);
  }
}
