import { randomNumbers } from "../../random.ts";

/** Bytes that are read without a break. */
const LEAST_BYTES = 16_384;
const MOST_BYTES = 8_388_608;
/** A break, and one in twenty. */
const SHORT_MS = 40;
const LONG_MS = 1500;
const LONG_SHARE = 0.05;

/** When a receiver of random speed pauses, and for how long. */
export class Pace {
  readonly #random: () => number;
  #left: number;

  constructor(seed: number) {
    this.#random = randomNumbers(seed);
    this.#left = this.#run();
  }

  /** @returns milliseconds to pause after so many more bytes; mostly 0 */
  pauseAfter(bytes: number): number {
    this.#left -= bytes;
    if (this.#left > 0) return 0;
    this.#left = this.#run();
    const most = this.#random() < LONG_SHARE ? LONG_MS : SHORT_MS;
    return this.#random() * most;
  }

  #run(): number {
    return LEAST_BYTES * (MOST_BYTES / LEAST_BYTES) ** this.#random();
  }
}
