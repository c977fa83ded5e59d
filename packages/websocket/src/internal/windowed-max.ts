/** A value, and when it was seen. */
interface Sample {
  readonly value: number;
  readonly at: number;
}

/**
 * The largest value of late, in constant time and memory: the three best of different ages are kept, so
 * that the next is at hand when the first grows too old.
 *
 * @see https://groups.google.com/g/bbr-dev/c/3RTgkzi5ZD8 (Kathleen Nichols' algorithm, as in Linux' `win_minmax`)
 */
export class WindowedMax {
  #best: Sample = NOTHING;
  #second: Sample = NOTHING;
  #third: Sample = NOTHING;

  get value(): number {
    return this.#best.value;
  }

  /** @param span - how long a value counts, in the unit of `at` */
  add(value: number, at: number, span: number): void {
    const sample = { value, at };
    if (value >= this.#best.value || at - this.#third.at > span) {
      this.#best = sample;
      this.#second = sample;
      this.#third = sample;
      return;
    }
    if (value >= this.#second.value) {
      this.#second = sample;
      this.#third = sample;
    } else if (value >= this.#third.value) this.#third = sample;
    this.#age(sample, span);
  }

  /** Lets what has grown too old go, and looks for a second and a third among what is newer. */
  #age(sample: Sample, span: number): void {
    const age = sample.at - this.#best.at;
    if (age > span) {
      this.#best = this.#second;
      this.#second = this.#third;
      this.#third = sample;
      if (sample.at - this.#best.at > span) {
        this.#best = this.#second;
        this.#second = this.#third;
      }
    } else if (this.#second.at === this.#best.at && age > span / 4) {
      this.#second = sample;
      this.#third = sample;
    } else if (this.#third.at === this.#second.at && age > span / 2) {
      this.#third = sample;
    }
  }
}

const NOTHING: Sample = { value: 0, at: -Infinity };
