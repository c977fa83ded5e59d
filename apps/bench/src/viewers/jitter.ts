import { randomNumbers } from "../random.ts";

/** How long a delay lasts: were each packet's its own, those behind the latest would all wait for it. */
const EVERY_MS = 10;
const SEED = 1;

/** How much longer than usual a path takes, from one moment to the next; the same in every run. */
export class Jitter {
  readonly #mostMs: number;
  readonly #random = randomNumbers(SEED);
  #untilMs = -Infinity;
  #nowMs = 0;

  constructor(mostMs: number = 0) {
    this.#mostMs = mostMs;
  }

  /** @param atMs - never less than before */
  at(atMs: number): number {
    if (atMs >= this.#untilMs) {
      this.#untilMs = atMs + EVERY_MS;
      this.#nowMs = this.#mostMs * this.#random();
    }
    return this.#nowMs;
  }
}
