import type { Entry } from "../policy.ts";

/** A published chunk, shared by all subscribers; encoded for them at most once. */
export interface Slot<T, E> extends Entry<T> {
  readonly position: number;
  /** The sum of the sizes of all that was published before. */
  readonly before: number;
  encoded?: E;
}

/** The last chunks published, bounded by number and by size; positions never repeat. */
export class Ring<T, E> {
  readonly maxChunks: number;
  readonly maxSize: number;
  readonly #slots: (Slot<T, E> | undefined)[] = [];
  #first = 0;
  #next = 0;
  /** The sum of the sizes of all that was ever published. */
  #total = 0;

  constructor(maxChunks: number, maxSize: number) {
    this.maxChunks = maxChunks;
    this.maxSize = maxSize;
  }

  get first(): number {
    return this.#first;
  }

  get next(): number {
    return this.#next;
  }

  get length(): number {
    return this.#next - this.#first;
  }

  get size(): number {
    return this.#total - this.sizeBefore(this.#first);
  }

  at(position: number): Slot<T, E> {
    return this.#slots[position % this.maxChunks] as Slot<T, E>;
  }

  /** The sum of the sizes of all that was published before `position`, which the ring holds or expects. */
  sizeBefore(position: number): number {
    return position === this.#next ? this.#total : this.at(position).before;
  }

  append(chunk: T, size: number, time: number): void {
    const position = this.#next++;
    const before = this.#total;
    this.#slots[position % this.maxChunks] = { chunk, size, time, position, before };
    this.#total += size;
  }

  dropFirst(): void {
    this.#slots[this.#first++ % this.maxChunks] = undefined;
  }
}
