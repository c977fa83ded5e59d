import type { DropReason } from "./policy.ts";

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
  #chunks = 0;
  #size = 0;

  get chunks(): number {
    return this.#chunks;
  }

  get size(): number {
    return this.#size;
  }

  count(reason: DropReason, chunks: number, size: number): void {
    const tally = this.#reasons.get(reason);
    if (tally) {
      tally.chunks += chunks;
      tally.size += size;
    } else {
      this.#reasons.set(reason, { chunks, size });
    }
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
