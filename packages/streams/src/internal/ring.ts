import type { Entry } from "../policy.ts";

/** A published chunk, shared by all subscribers; encoded for them at most once. */
export interface Slot<T, E> extends Entry<T> {
  readonly position: number;
  encoded?: E;
}

/** The last chunks published, bounded by number and by size; positions never repeat. */
export class Ring<T, E> {
  readonly #maxChunks: number;
  readonly #maxSize: number;
  readonly #slots: (Slot<T, E> | undefined)[] = [];
  #first = 0;
  #next = 0;
  #size = 0;

  constructor(maxChunks: number, maxSize: number) {
    this.#maxChunks = maxChunks;
    this.#maxSize = maxSize;
  }

  get maxChunks(): number {
    return this.#maxChunks;
  }

  get maxSize(): number {
    return this.#maxSize;
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
    return this.#size;
  }

  fits(size: number): boolean {
    if (this.length === 0) return true;
    return this.length < this.#maxChunks && this.#size + size <= this.#maxSize;
  }

  at(position: number): Slot<T, E> {
    return this.#slots[position % this.#maxChunks] as Slot<T, E>;
  }

  append(chunk: T, size: number, time: number): void {
    const position = this.#next++;
    this.#slots[position % this.#maxChunks] = { chunk, size, time, position };
    this.#size += size;
  }

  dropFirst(): void {
    const place = this.#first++ % this.#maxChunks;
    // Sums of fractions drift; nothing weighs nothing.
    this.#size = this.length === 0 ? 0 : this.#size - (this.#slots[place]?.size ?? 0);
    this.#slots[place] = undefined;
  }
}
