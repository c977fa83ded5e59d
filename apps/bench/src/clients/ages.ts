import { now, STAMP_BYTES } from "./protocol.ts";

/** Cells per doubling: less than one percent of error. */
const CELLS = 100;
/** The first cell ends here; the last is that of 2^30 times as much. */
const LEAST_MS = 0.01;

/** How old messages are when they arrive. */
export class Ages {
  readonly #counts = new Uint32Array(30 * CELLS);
  readonly #offset: number;
  #total = 0;

  /** @param offset - of the stamp in a message */
  constructor(offset: number) {
    this.#offset = offset;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /**
   * Takes the start of a message; one whose stamp was cut in two by a read is passed over.
   *
   * @returns its age in milliseconds
   */
  take(bytes: Uint8Array, start: number, end: number): number | undefined {
    const from = start + this.#offset;
    if (from + STAMP_BYTES > end) return undefined;
    let micros = 0;
    for (let at = from; at < from + STAMP_BYTES; at++) {
      micros = micros * 10 + (bytes[at] as number) - 0x30;
    }
    const ageMs = now() - micros / 1000;
    const cell = Math.floor(Math.log2(Math.max(1, ageMs / LEAST_MS)) * CELLS);
    const last = Math.min(cell, this.#counts.length - 1);
    this.#counts[last] = (this.#counts[last] as number) + 1;
    this.#total++;
    return ageMs;
  }

  /** In seconds; 0 when nothing was taken. */
  quantile(q: number): number {
    let left = this.#total * q;
    const cell = this.#counts.findIndex((count) => (left -= count) <= 0);
    return this.#total === 0 ? 0 : (LEAST_MS * 2 ** ((cell + 1) / CELLS)) / 1000;
  }
}
