/**
 * What a generator tells, for readers that may leave while there is nothing to tell: a generator by itself
 * hears of `return()` when it yields next, and that may be never.
 *
 * @param begin - is to end soon after `isLeft()` says so
 */
export function leavable<T>(
  begin: (isLeft: () => boolean) => AsyncGenerator<T, void, void>,
): AsyncIterableIterator<T, void, void> {
  let isLeft = false;
  const told = begin(() => isLeft);
  const iterator: AsyncIterableIterator<T, void, void> = {
    next: () => told.next(),
    return: () => {
      isLeft = true;
      return told.return();
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}
