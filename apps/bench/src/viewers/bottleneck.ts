/** Where a path is narrow: all that goes over it leaves there, one after the other. */
export class Bottleneck {
  readonly #bytesPerMs: number;
  #freeAtMs = 0;

  constructor(bytesPerSecond: number = Infinity) {
    this.#bytesPerMs = bytesPerSecond / 1_000;
  }

  /** @returns when so many bytes that come now will have left */
  pass(bytes: number, nowMs: number): number {
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + bytes / this.#bytesPerMs;
    return this.#freeAtMs;
  }
}
