import type { Recovered } from "./protocol.ts";

/** How long it takes, from the moment a path is back, until what arrives is young again. */
export class Recovery {
  readonly #ageBeforeMs: number;
  readonly #backAtMs: number;
  #belowOneSecondMs: number | undefined;
  #belowTwiceBeforeMs: number | undefined;

  constructor(ageBeforeMs: number, backAtMs: number) {
    this.#ageBeforeMs = ageBeforeMs;
    this.#backAtMs = backAtMs;
  }

  take(ageMs: number, nowMs: number): void {
    const tookMs = nowMs - this.#backAtMs;
    if (ageMs < 1_000) this.#belowOneSecondMs ??= tookMs;
    if (ageMs < 2 * this.#ageBeforeMs) this.#belowTwiceBeforeMs ??= tookMs;
  }

  /** What has not come yet took all the time until now. */
  seen(nowMs: number): Recovered {
    const tookMs = nowMs - this.#backAtMs;
    return {
      belowOneSecond: (this.#belowOneSecondMs ?? tookMs) / 1_000,
      belowTwiceBefore: (this.#belowTwiceBeforeMs ?? tookMs) / 1_000,
    };
  }
}
