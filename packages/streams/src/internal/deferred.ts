/** A promise with its settlers; a rejection nobody listens to stays silent. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

export function deferred<T>(): Deferred<T> {
  let settlers: Pick<Deferred<T>, "resolve" | "reject"> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settlers = { resolve, reject };
  });
  promise.catch(ignore);
  return { promise, ...(settlers as Pick<Deferred<T>, "resolve" | "reject">) };
}

/** For promises whose rejection someone else reports. */
export function ignore(): void {}
