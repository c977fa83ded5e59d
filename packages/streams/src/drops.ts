import { reportUncaught } from "./internal/report.ts";
import type { DropListener, DropReason, Entry } from "./policy.ts";

/** A number of chunks and the sum of their sizes. */
export interface Tally {
  readonly chunks: number;
  /** In the unit of the queue's `size`. */
  readonly size: number;
}

/** What was dropped, in all and by reason. */
export interface DropCounts extends Tally {
  readonly reasons: Readonly<Partial<Record<DropReason, Tally>>>;
}

/** Counts drops by reason. */
export class DropCounter {
  readonly #reasons = new Map<DropReason, { chunks: number; size: number }>();
  /** Most drops have the reason of the drop before. */
  #reason: DropReason | undefined;
  #tally = { chunks: 0, size: 0 };
  #chunks = 0;
  #size = 0;

  get chunks(): number {
    return this.#chunks;
  }

  get size(): number {
    return this.#size;
  }

  count(reason: DropReason, chunks: number, size: number): void {
    if (reason !== this.#reason) {
      this.#reason = reason;
      this.#tally = this.#reasons.get(reason) ?? { chunks: 0, size: 0 };
      this.#reasons.set(reason, this.#tally);
    }
    this.#tally.chunks += chunks;
    this.#tally.size += size;
    this.#chunks += chunks;
    this.#size += size;
  }

  /** Adds what another counter has counted. */
  add({ reasons }: DropCounts): void {
    for (const [reason, tally] of Object.entries(reasons)) {
      if (tally) this.count(reason, tally.chunks, tally.size);
    }
  }

  /** A copy that later drops do not change. */
  counts(): DropCounts {
    const reasons: Record<string, Tally> = {};
    for (const [reason, tally] of this.#reasons) reasons[reason] = { ...tally };
    return { chunks: this.#chunks, size: this.#size, reasons };
  }
}

/**
 * Tells a listener of drops, but not before the queue is whole again: it may read, write and cancel.
 */
export class DropTeller<T> {
  readonly #onDrop: DropListener<T> | undefined;
  /** What it has yet to hear of: from `#told` up to `#happened`. The array keeps its length. */
  readonly #drops: ([dropped: Entry<T>, reason: DropReason] | undefined)[] = [];
  #told = 0;
  #happened = 0;
  #holds = 0;

  constructor(onDrop: DropListener<T> | undefined) {
    this.#onDrop = onDrop;
  }

  /** Nothing is told before as many `release()` as there were `hold()`. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    this.#holds--;
    if (this.#holds === 0 && this.#happened > 0) this.#tell();
  }

  /** Makes a `change`, then tells of it. */
  after<R>(change: () => R): R {
    this.hold();
    try {
      return change();
    } finally {
      this.release();
    }
  }

  tell(dropped: Entry<T>, reason: DropReason): void {
    if (!this.#onDrop) return;
    this.#drops[this.#happened++] = [dropped, reason];
    if (this.#holds === 0) this.#tell();
  }

  #tell(): void {
    while (this.#told < this.#happened) {
      const drop = this.#drops[this.#told];
      this.#drops[this.#told++] = undefined;
      try {
        if (drop) this.#onDrop?.(drop[0], drop[1]);
      } catch (error) {
        reportUncaught(error);
      }
    }
    this.#told = 0;
    this.#happened = 0;
  }
}
