/** First in, first out, in a ring that grows. */
export class Fifo<T> {
  /** A power of two long. */
  #places: (T | undefined)[] = [undefined, undefined];
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The oldest; ask only while there is one. */
  get front(): T {
    return this.#places[this.#first] as T;
  }

  push(value: T): void {
    if (this.#length === this.#places.length) this.#grow();
    this.#places[(this.#first + this.#length++) & (this.#places.length - 1)] = value;
  }

  /** Takes the oldest out; only while there is one. */
  shift(): T {
    const value = this.#places[this.#first] as T;
    this.#places[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#places.length - 1);
    this.#length--;
    return value;
  }

  clear(): void {
    this.#places = [undefined, undefined];
    this.#first = 0;
    this.#length = 0;
  }

  #grow(): void {
    const { length } = this.#places;
    const places = this.#places.slice(this.#first).concat(this.#places.slice(0, this.#first));
    places.length = length * 2;
    this.#places = places;
    this.#first = 0;
  }
}

/** The same, of things that have a size. */
export class SizedFifo<T> {
  readonly #values = new Fifo<T>();
  readonly #sizes = new Fifo<number>();
  #size = 0;

  get length(): number {
    return this.#values.length;
  }

  /** The sum of the sizes. */
  get size(): number {
    return this.#size;
  }

  /** The oldest, and its size; ask only while there is one. */
  get front(): T {
    return this.#values.front;
  }

  get frontSize(): number {
    return this.#sizes.front;
  }

  push(value: T, size: number): void {
    this.#values.push(value);
    this.#sizes.push(size);
    this.#size += size;
  }

  /** Takes the oldest out; only while there is one. */
  shift(): T {
    const size = this.#sizes.shift();
    const value = this.#values.shift();
    // Sums of fractions drift; nothing weighs nothing.
    this.#size = this.#values.length === 0 ? 0 : this.#size - size;
    return value;
  }

  clear(): void {
    this.#values.clear();
    this.#sizes.clear();
    this.#size = 0;
  }
}
