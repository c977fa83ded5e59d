/** Milliseconds after which what was counts for a third of what is. */
const MEMORY_MS = 1_000;

/** The share of the time for which something was so, of late: what is longer ago counts less and less. */
export class Share {
  #value = 0;
  #isSo = false;
  #atMs = 0;

  /** From now on it is so, or is not. */
  set(isSo: boolean, nowMs: number): void {
    this.#value = this.at(nowMs);
    this.#atMs = nowMs;
    this.#isSo = isSo;
  }

  /** 0 to 1. */
  at(nowMs: number): number {
    const target = this.#isSo ? 1 : 0;
    return target + (this.#value - target) * Math.exp((this.#atMs - nowMs) / MEMORY_MS);
  }
}
