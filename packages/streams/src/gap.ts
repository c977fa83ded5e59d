import type { DropReason } from "./policy.ts";

/**
 * Stands in line for chunks that were dropped there, so that a consumer knows where it missed some.
 *
 * Backpressure: gaps take no room; a queue never holds many more of them than chunks.
 *
 * @example
 * ```ts
 * import { BoundedQueue, Gap } from "@spillway/streams";
 *
 * const queue = new BoundedQueue<string>({ maxChunks: 2, overflow: "drop-oldest", gaps: true });
 * for (const word of ["a", "b", "c"]) queue.offer(word);
 * const next = queue.takeGap() ?? queue.shift();
 * console.log(next instanceof Gap ? `${next.dropped} missing` : next?.chunk); // 1 missing
 * ```
 */
export class Gap {
  /** How many chunks. */
  readonly dropped: number;
  /** The sum of their sizes, in the unit of the queue's `size`. */
  readonly size: number;
  /** Why; the reason of the first where a place has seen too many to tell them apart. */
  readonly reason: DropReason;

  /**
   * @param dropped - how many chunks are missing
   * @param size - the sum of their sizes
   * @param reason - why they were dropped
   */
  constructor(dropped: number, size: number, reason: DropReason) {
    this.dropped = dropped;
    this.size = size;
    this.reason = reason;
  }
}

/** Gaps beyond one for each place that may wait. */
const SPARE = 16;

/**
 * What was dropped and not reported yet, by its place: the ticket of the chunk behind it, which may
 * be yet to come. A place has one gap for each reason, until all places together run out of spare
 * ones; then it adds to its last gap, whatever the reason.
 */
export class GapLedger {
  readonly #places = new Map<number, Gap[]>();
  #spare = SPARE;

  get isEmpty(): boolean {
    return this.#places.size === 0;
  }

  add(ticket: number, gap: Gap): void {
    const gaps = this.#places.get(ticket);
    if (!gaps) {
      this.#places.set(ticket, [gap]);
      return;
    }
    let index = gaps.findIndex(({ reason }) => reason === gap.reason);
    if (index < 0 && this.#spare === 0) index = gaps.length - 1;
    const same = gaps[index];
    if (same) {
      gaps[index] = new Gap(same.dropped + gap.dropped, same.size + gap.size, same.reason);
    } else {
      gaps.push(gap);
      this.#spare--;
    }
  }

  /** What stood before the chunk with ticket `from`, which has left, stands before `to` now. */
  move(from: number, to: number): void {
    const before = this.#remove(from);
    if (!before) return;
    const behind = this.#remove(to) ?? [];
    for (const gap of before.concat(behind)) this.add(to, gap);
  }

  /** Takes the first gap before the chunk with `ticket`. */
  take(ticket: number): Gap | undefined {
    const [first, ...others] = this.#remove(ticket) ?? [];
    for (const gap of others) this.add(ticket, gap);
    return first;
  }

  clear(): void {
    this.#places.clear();
    this.#spare = SPARE;
  }

  #remove(ticket: number): Gap[] | undefined {
    const gaps = this.#places.get(ticket);
    if (!gaps) return undefined;
    this.#places.delete(ticket);
    this.#spare += gaps.length - 1;
    return gaps;
  }
}
