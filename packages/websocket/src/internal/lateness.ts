/** A window lets so many base round trips wait on the way, beside the one that an answer takes. */
const WAITING = 2;
/** Milliseconds beyond that from which an answer is late; peers are busy at times. */
const LATE_MS = 100;
/** Of the limit, where answers are timely again. */
const EASED = 0.5;
/** Milliseconds for which a late answer counts. */
const COUNTS_MS = 1_000;

/** For how long answers have come later than what a window lets wait on the way accounts for. */
export class Lateness {
  #sinceMs: number | undefined;
  #lastMs = 0;

  /** An answer came now, after `rttMs`; the empty path takes `baseRttMs`. */
  add(rttMs: number, baseRttMs: number, nowMs: number): void {
    const limitMs = (1 + WAITING) * baseRttMs + LATE_MS;
    const wasLate = this.at(nowMs) !== undefined;
    if (rttMs <= limitMs * (wasLate ? EASED : 1)) this.#sinceMs = undefined;
    else {
      if (!wasLate) this.#sinceMs = nowMs;
      this.#lastMs = nowMs;
    }
  }

  /** Milliseconds from the first of the late answers to the last; `undefined` without one of late. */
  at(nowMs: number): number | undefined {
    if (this.#sinceMs === undefined || nowMs - this.#lastMs > COUNTS_MS) return undefined;
    return this.#lastMs - this.#sinceMs;
  }
}
