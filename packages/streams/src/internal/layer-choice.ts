/** A layer is gone up to when there is so much more than it needs. */
const MARGIN = 1.2;
/** Milliseconds from one climb to the next: what is too much shows only once what is on the way is full. */
const STAY_MS = 3_000;
/** Milliseconds within which going down again means that it was too much. */
const TRIAL_MS = 10_000;
/** Milliseconds until the next try after one that failed; each that fails at once doubles them. */
const FIRST_HOLD_MS = 10_000;
const LAST_HOLD_MS = 120_000;

/** Says which of several layers there is room for. */
export class LayerChoice {
  /** Bits a second that each layer needs, rising. */
  readonly #needs: readonly number[];
  #layer = 0;
  #raisedAt = -Infinity;
  #holdMs = FIRST_HOLD_MS;
  #heldUntil = -Infinity;

  constructor(needs: readonly number[]) {
    this.#needs = needs;
  }

  /** The layer for a target bitrate, after those before it. */
  choose(bitsPerSecond: number, nowMs: number): number {
    const fits = this.#largest(bitsPerSecond);
    if (fits < this.#layer) this.#lower(fits, nowMs);
    else if (nowMs >= this.#heldUntil) this.#raise(this.#largest(bitsPerSecond / MARGIN), nowMs);
    return this.#layer;
  }

  #largest(bitsPerSecond: number): number {
    return Math.max(
      0,
      this.#needs.findLastIndex((need) => need <= bitsPerSecond),
    );
  }

  #lower(layer: number, nowMs: number): void {
    if (nowMs - this.#raisedAt < TRIAL_MS) {
      this.#heldUntil = nowMs + this.#holdMs;
      this.#holdMs = Math.min(2 * this.#holdMs, LAST_HOLD_MS);
    } else if (nowMs >= this.#heldUntil) this.#holdMs = FIRST_HOLD_MS;
    // Whoever goes further down has failed no second time.
    this.#raisedAt = -Infinity;
    this.#layer = layer;
  }

  #raise(layer: number, nowMs: number): void {
    if (layer <= this.#layer || nowMs - this.#raisedAt < STAY_MS) return;
    this.#layer = layer;
    this.#raisedAt = nowMs;
  }
}
