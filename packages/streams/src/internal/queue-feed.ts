import type { Gap } from "../gap.ts";
import { outOfRange } from "../options.ts";
import type { DropReason, Entry, OverflowPolicy, Way } from "../policy.ts";
import { BoundedQueue } from "../queue.ts";
import type { QueueOptions, QueueStats } from "../queue-options.ts";
import type { Feed } from "./feed.ts";
import type { Ring, Slot } from "./ring.ts";

/** What a {@link QueueFeed} is made of. */
export interface QueueFeedOptions<T> extends Omit<QueueOptions<T>, "overflow" | "now"> {
  readonly overflow: OverflowPolicy<T>;
}

/** A cursor in the ring and a queue of what the policy let through; chunks stay in the ring. */
export class QueueFeed<T, E> implements Feed<T, E> {
  readonly #ring: Ring<T, E>;
  readonly #policy: OverflowPolicy<T>;
  readonly #queue: BoundedQueue<T>;
  #cursor: number;
  #isOver = false;

  constructor(ring: Ring<T, E>, start: number, options: QueueFeedOptions<T>) {
    this.#ring = ring;
    this.#cursor = start;
    this.#policy = options.overflow;
    this.#queue = new BoundedQueue<T>(options);
  }

  get cursor(): number {
    return this.#cursor;
  }

  get isEmpty(): boolean {
    return this.#queue.isEmpty && !this.#isBehind();
  }

  get lag(): number {
    return this.#queue.length + this.#ring.next - this.#cursor;
  }

  next(way: Way): Entry<T> | Gap | undefined {
    // `onDrop` may publish.
    do {
      this.absorb();
      const next = this.#queue.takeGap(way) ?? this.#queue.shift(way);
      if (next) return next;
    } while (this.#isBehind());
    return undefined;
  }

  /** Shows the policy what was published since; drops what has left the ring. */
  absorb(): void {
    if (this.#isOver) return;
    if (!this.#policy.outlivesRing) {
      const { first } = this.#ring;
      this.#queue.dropFront("lagged", (entry) => (entry as Slot<T, E>).position < first);
    }
    while (this.#isBehind()) {
      const verdict = this.#queue.offerEntry(this.#ring.at(this.#cursor++));
      if (verdict === "wait") throw waits(this.#policy.name);
    }
    this.#queue.dropStale();
  }

  clear(reason: DropReason): void {
    this.#isOver = true;
    this.#queue.clear(reason);
  }

  stats(): QueueStats {
    return this.#queue.stats();
  }

  #isBehind(): boolean {
    return !this.#isOver && this.#cursor < this.#ring.next;
  }
}

/** Says that a subscriber of a hub that waits for nobody asked it to wait. */
export function waits(given: unknown): RangeError {
  return outOfRange("overflow", "a policy that drops (a hub never waits)", given);
}
