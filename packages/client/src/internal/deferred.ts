/** A promise, and what settles it; who ignores a rejection is not told. Node 20 has no `Promise.withResolvers()`. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((...settlers) => {
    [resolve, reject] = settlers;
  });
  promise.catch(ignore);
  return { promise, resolve, reject };
}

export function ignore(): void {}
