/** A value that changes, for any number of those who want to hear of it. */
export class Watched<T> {
  #value: T;
  #isLast = false;
  readonly #watchers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  /** @param isLast - whether no other follows */
  set(value: T, isLast: boolean): void {
    if (this.#isLast) return;
    this.#value = value;
    this.#isLast = isLast;
    for (const look of this.#watchers) look();
  }

  /** The value, and each that follows; whoever reads slowly misses those that have passed meanwhile. */
  values(): AsyncIterableIterator<T, void, void> {
    let seen: { readonly value: T } | undefined;
    let isLeft = false;
    const waiting: ((result: IteratorResult<T, void>) => void)[] = [];
    const look = (): void => {
      while (waiting.length > 0) {
        const isOver = isLeft || (this.#isLast && seen?.value === this.#value);
        if (!isOver && seen?.value === this.#value) return;
        if (!isOver) seen = { value: this.#value };
        const { value } = this;
        waiting.shift()?.(isOver ? { done: true, value: undefined } : { done: false, value });
        if (isOver) this.#watchers.delete(look);
      }
    };
    const iterator: AsyncIterableIterator<T, void, void> = {
      next: async () =>
        new Promise((resolve) => {
          if (!isLeft) this.#watchers.add(look);
          waiting.push(resolve);
          look();
        }),
      return: async () => {
        isLeft = true;
        look();
        this.#watchers.delete(look);
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }
}
