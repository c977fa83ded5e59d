import { DropCounter, DropTeller } from "../drops.ts";
import { Gap, GapLedger } from "../gap.ts";
import type { DropListener, DropReason, Way } from "../policy.ts";
import type { QueueStats } from "../queue-options.ts";
import type { Feed } from "./feed.ts";
import type { Ring, Slot } from "./ring.ts";

/** What a {@link CursorFeed} does to a subscriber that is behind. */
export interface CursorLimits<T> {
  /** Chunks that may wait for it. */
  readonly maxChunks: number;
  readonly maxAgeMs: number;
  /** Why chunks beyond `maxChunks` go. */
  readonly reason: DropReason;
  readonly gaps: boolean;
  /** Hears of drops of what the ring still holds: of all drops, where the ring loses nothing. */
  readonly onDrop: DropListener<T> | undefined;
}

/**
 * A number and nothing else: for subscribers whose policy only ever drops the oldest, and need not
 * see what it drops. What they missed is reckoned when they read.
 */
export class CursorFeed<T, E> implements Feed<T, E> {
  readonly ring: Ring<T, E>;
  readonly #limits: CursorLimits<T>;
  readonly #drops = new DropCounter();
  /** What is missing, for those who want to know: it all stands before the next chunk, at place 0. */
  readonly gaps: GapLedger | undefined;
  readonly #teller: DropTeller<T>;
  readonly #start: number;
  #cursor = 0;
  /** The sum of the sizes of all that was published before the cursor. */
  #before = 0;

  constructor(ring: Ring<T, E>, start: number, limits: CursorLimits<T>) {
    this.ring = ring;
    this.#limits = limits;
    this.gaps = limits.gaps ? new GapLedger() : undefined;
    this.#teller = new DropTeller(limits.onDrop);
    this.#start = start;
    this.move(start);
  }

  get cursor(): number {
    return this.#cursor;
  }

  get isEmpty(): boolean {
    this.absorb();
    return this.lag === 0 && (this.gaps?.isEmpty ?? true);
  }

  get lag(): number {
    return this.ring.next - this.#cursor;
  }

  next(way: Way): Slot<T, E> | Gap | undefined {
    this.absorb(way);
    const gap = this.gaps?.take(0);
    if (gap || this.lag === 0) return gap;
    const slot = this.ring.at(this.#cursor);
    this.move(this.#cursor + 1);
    return slot;
  }

  absorb(way?: Way): void {
    const { maxChunks, maxAgeMs, reason } = this.#limits;
    const { first, next } = this.ring;
    const oldest = next - maxChunks;
    if (oldest >= first) this.#dropTo(oldest, reason);
    else this.#dropTo(first, "lagged");
    if (maxAgeMs === Infinity) return;
    const time = performance.now() + (way?.transitMs ?? 0) - maxAgeMs;
    let fresh = this.#cursor;
    while (fresh < next && this.ring.at(fresh).time < time) fresh++;
    this.#dropTo(fresh, "expired");
  }

  clear(reason: DropReason): void {
    this.absorb();
    this.#dropTo(this.ring.next, reason);
    this.gaps?.clear();
  }

  stats(): QueueStats {
    const dropped = this.#drops.counts();
    const offered = this.ring.next - this.#start;
    return {
      offered,
      delivered: offered - dropped.chunks - this.lag,
      queued: this.lag,
      queuedSize: this.ring.sizeBefore(this.ring.next) - this.#before,
      dropped,
    };
  }

  #dropTo(position: number, reason: DropReason): void {
    const chunks = position - this.#cursor;
    if (chunks <= 0) return;
    const size = this.ring.sizeBefore(position) - this.#before;
    this.#teller.after(() => {
      const { first } = this.ring;
      for (let at = Math.max(first, this.#cursor); this.#limits.onDrop && at < position; at++) {
        this.#teller.tell(this.ring.at(at), reason);
      }
      this.move(position);
      this.#drops.count(reason, chunks, size);
      this.gaps?.add(0, new Gap(chunks, size, reason));
    });
  }

  move(position: number): void {
    this.#cursor = position;
    this.#before = this.ring.sizeBefore(position);
  }
}
