/** Parts of a window; the oldest is given up as a whole. */
const PARTS = 10;
/** Bounds of ages are powers of 2 ** (1 / 8), from 1 ms more than the age: up to 4.6 hours. */
const PER_OCTAVE = 8;
const BOUNDS = 24 * PER_OCTAVE;

/** Counts what came within the last so many milliseconds, in a fixed amount of memory. */
export class SlidingWindow {
  readonly #partMs: number;
  readonly #startedAt: number;
  readonly #chunks: Float64Array = new Float64Array(PARTS);
  readonly #bytes: Float64Array = new Float64Array(PARTS);
  /** How many chunks had which age, in each part. */
  readonly #ages: Uint32Array | undefined;
  /** The number of the part that is filled now, counted from the start. */
  #part = 0;

  constructor(windowMs: number, startedAt: number, hasAges: boolean) {
    this.#partMs = windowMs / PARTS;
    this.#startedAt = startedAt;
    this.#ages = hasAges ? new Uint32Array(PARTS * BOUNDS) : undefined;
  }

  add(time: number, bytes: number): void {
    this.#moveTo(time);
    const place = this.#part % PARTS;
    this.#chunks[place] = (this.#chunks[place] as number) + 1;
    this.#bytes[place] = (this.#bytes[place] as number) + bytes;
  }

  /** Adds the age of the chunk added last. */
  addAge(ageMs: number): void {
    if (!this.#ages) return;
    const bound = Math.min(BOUNDS - 1, Math.floor(PER_OCTAVE * Math.log2(1 + Math.max(0, ageMs))));
    const place = (this.#part % PARTS) * BOUNDS + bound;
    this.#ages[place] = (this.#ages[place] as number) + 1;
  }

  /** Chunks and bytes per second. */
  rates(time: number): readonly [chunks: number, bytes: number] {
    this.#moveTo(time);
    const elapsed = time - this.#startedAt;
    const inPart = elapsed - this.#part * this.#partMs;
    const whole = Math.min(this.#part, PARTS - 1) * this.#partMs;
    // A rate taken over nothing would be anything.
    const seconds = Math.max(whole + inPart, this.#partMs) / 1000;
    return [sum(this.#chunks) / seconds, sum(this.#bytes) / seconds];
  }

  /** The age that `share` of the chunks did not exceed; undefined when there are none. */
  quantile(share: number): number | undefined {
    const ages = this.#ages ?? [];
    const wanted = share * sum(ages);
    if (wanted === 0) return undefined;
    let found = 0;
    let bound = -1;
    while (found < wanted && bound < BOUNDS - 1) {
      bound++;
      for (let place = bound; place < ages.length; place += BOUNDS) found += ages[place] as number;
    }
    return 2 ** ((bound + 0.5) / PER_OCTAVE) - 1;
  }

  #moveTo(time: number): void {
    const part = Math.floor((time - this.#startedAt) / this.#partMs);
    // A clock may have been set back.
    if (part <= this.#part) return;
    for (let next = Math.max(this.#part + 1, part - PARTS + 1); next <= part; next++) {
      const place = next % PARTS;
      this.#chunks[place] = 0;
      this.#bytes[place] = 0;
      this.#ages?.fill(0, place * BOUNDS, (place + 1) * BOUNDS);
    }
    this.#part = part;
  }
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let place = 0; place < values.length; place++) total += values[place] as number;
  return total;
}
