import type { Entry } from "../policy.ts";

/** Entries in line; a position keeps its entry until something before it is taken out of the middle. */
export class Deque<T> {
  /** A power of two long; a position's place is its low bits. */
  #places: (Entry<T> | undefined)[] = Array.from({ length: 8 });
  #first = 0;
  #length = 0;
  #size = 0;

  get length(): number {
    return this.#length;
  }

  /** Sum of the entries' sizes. */
  get size(): number {
    return this.#size;
  }

  get first(): number {
    return this.#first;
  }

  get next(): number {
    return this.#first + this.#length;
  }

  at(position: number): Entry<T> {
    const entry = this.#places[position & (this.#places.length - 1)];
    if (entry === undefined || position < this.#first || position >= this.next) {
      throw this.#nothingAt(position);
    }
    return entry;
  }

  push(entry: Entry<T>): void {
    if (this.#length === this.#places.length) this.#grow();
    this.#places[this.next & (this.#places.length - 1)] = entry;
    this.#length++;
    this.#size += entry.size;
  }

  shift(): Entry<T> {
    const place = this.#first & (this.#places.length - 1);
    const entry = this.#places[place];
    if (entry === undefined) throw this.#nothingAt(this.#first);
    this.#places[place] = undefined;
    this.#first++;
    this.#subtract(entry.size);
    return entry;
  }

  /** @returns the entry that was there */
  replace(position: number, entry: Entry<T>): Entry<T> {
    const old = this.at(position);
    this.#places[position & (this.#places.length - 1)] = entry;
    this.#size += entry.size - old.size;
    return old;
  }

  /** Takes out what `matches`, which may look at `length` and `size`; the others move down. */
  takeOut(matches: (entry: Entry<T>, position: number) => boolean): void {
    const mask = this.#places.length - 1;
    const end = this.next;
    let position = this.#first;
    let kept = position;
    try {
      for (; position < end; position++) {
        const entry = this.#places[position & mask] as Entry<T>;
        if (matches(entry, position)) this.#subtract(entry.size);
        else this.#places[kept++ & mask] = entry;
      }
    } finally {
      // There is more to keep when `matches` threw.
      for (; position < end; position++)
        this.#places[kept++ & mask] = this.#places[position & mask];
      for (; kept < end; kept++) this.#places[kept & mask] = undefined;
    }
  }

  #subtract(size: number): void {
    this.#length--;
    // Sums of fractions drift; nothing weighs nothing.
    this.#size = this.#length === 0 ? 0 : this.#size - size;
  }

  #nothingAt(position: number): RangeError {
    return new RangeError(
      `Cannot look at position ${position}: queued are ${this.#first} to ${this.next - 1}`,
    );
  }

  #grow(): void {
    const places: (Entry<T> | undefined)[] = Array.from({ length: this.#places.length * 2 });
    for (let position = this.#first; position < this.next; position++) {
      places[position & (places.length - 1)] = this.at(position);
    }
    this.#places = places;
  }
}
