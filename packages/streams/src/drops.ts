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

  count(reason: DropReason, chunks: number, size: number): void {
    if (reason !== this.#reason) {
      this.#reason = reason;
      this.#tally = this.#reasons.get(reason) ?? { chunks: 0, size: 0 };
      this.#reasons.set(reason, this.#tally);
    }
    this.#tally.chunks += chunks;
    this.#tally.size += size;
  }

  /** A copy that later drops do not change. */
  counts(): DropCounts {
    const reasons: Record<string, Tally> = {};
    let [chunks, size] = [0, 0];
    for (const [reason, tally] of this.#reasons) {
      reasons[reason] = { ...tally };
      chunks += tally.chunks;
      size += tally.size;
    }
    return { chunks, size, reasons };
  }
}

/**
 * Tells a listener of drops, but not before the queue is whole again: it may read, write and cancel.
 */
export class DropTeller<T> {
  readonly #onDrop: DropListener<T> | undefined;
  #drops: [dropped: Entry<T>, reason: DropReason][] = [];
  /** How many changes are under way, one within the other. */
  #changes = 0;

  constructor(onDrop: DropListener<T> | undefined) {
    this.#onDrop = onDrop;
  }

  /** Makes a `change`, and tells of the drops in it when it is over. */
  after<R>(change: () => R): R {
    this.#changes++;
    try {
      return change();
    } finally {
      if (this.#changes === 1) this.#tell();
      this.#changes--;
    }
  }

  tell(dropped: Entry<T>, reason: DropReason): void {
    if (this.#onDrop) this.after(() => this.#drops.push([dropped, reason]));
  }

  #tell(): void {
    if (this.#drops.length === 0) return;
    // Also what is dropped meanwhile, by the listener itself.
    for (const [dropped, reason] of this.#drops) {
      try {
        this.#onDrop?.(dropped, reason);
      } catch (error) {
        reportUncaught(error);
      }
    }
    this.#drops = [];
  }
}
