import { wrongType } from "./options.ts";

/** What leaving the loop does to the stream; see {@link toIterable}. */
export interface ToIterableOptions {
  /**
   * Whether leaving the loop early only releases the stream, and cancels nothing.
   *
   * @defaultValue `false`
   */
  readonly preventCancel?: boolean | undefined;
}

/**
 * Iterates a stream, as `readable.values()` does, also on platforms whose streams cannot do that.
 *
 * Backpressure: asks for a chunk when the loop wants one; nothing is read ahead. Leaving the loop
 * early cancels the stream. It is locked from this call until then, or until it ends.
 *
 * @param readable - the stream, not locked
 * @param options - what leaving early does
 * @returns an iterator for one `for await`
 * @throws `TypeError` with `code: "SPW_ERR_OPTION"`, or what `getReader()` throws for a locked stream
 * @see https://streams.spec.whatwg.org/#rs-asynciterator
 *
 * @example
 * ```ts
 * import { fromIterable, toIterable } from "@spillway/streams";
 *
 * for await (const chunk of toIterable(fromIterable([1, 2, 3]))) console.log(chunk);
 * ```
 */
export function toIterable<T>(
  readable: ReadableStream<T>,
  options: ToIterableOptions = {},
): AsyncIterableIterator<T, undefined> {
  const { preventCancel = false } = options;
  if (!(readable instanceof ReadableStream)) {
    throw wrongType("readable", "a readable stream", readable);
  }
  if (typeof preventCancel !== "boolean") {
    throw wrongType("preventCancel", "a boolean", preventCancel);
  }
  return new StreamIterator(readable.getReader(), preventCancel);
}

class StreamIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #reader: ReadableStreamDefaultReader<T>;
  readonly #preventCancel: boolean;
  /** The last of the calls under way; they take effect in their order. */
  #last: Promise<unknown> | undefined;
  #calls = 0;
  #isDone = false;

  constructor(reader: ReadableStreamDefaultReader<T>, preventCancel: boolean) {
    this.#reader = reader;
    this.#preventCancel = preventCancel;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#enter(() => this.#read());
  }

  return(reason?: unknown): Promise<IteratorResult<T, undefined>> {
    return this.#enter(() => this.#leave(reason));
  }

  #enter<Result>(call: () => Promise<Result>): Promise<Result> {
    this.#calls++;
    const result = this.#last ? this.#last.then(call, call) : call();
    this.#last = result;
    return result;
  }

  /** Called by each call as it ends; by a promise instead, a loop would have one more per chunk. */
  #exit(): void {
    if (--this.#calls === 0) this.#last = undefined;
  }

  #read(): Promise<IteratorResult<T, undefined>> {
    if (!this.#isDone) return this.#reader.read().then(this.#onRead, this.#onError);
    this.#exit();
    return Promise.resolve({ done: true, value: undefined });
  }

  readonly #onRead = ({
    done,
    value,
  }: ReadableStreamReadResult<T>): IteratorResult<T, undefined> => {
    this.#exit();
    if (!done) return { done, value };
    this.#release();
    return { done: true, value: undefined };
  };

  readonly #onError = (error: unknown): never => {
    this.#exit();
    this.#release();
    throw error;
  };

  async #leave(reason: unknown): Promise<IteratorResult<T, undefined>> {
    try {
      if (!this.#isDone) {
        const cancelled = this.#preventCancel ? undefined : this.#reader.cancel(reason);
        this.#release();
        await cancelled;
      }
      return { done: true, value: reason } as IteratorResult<T, undefined>;
    } finally {
      this.#exit();
    }
  }

  #release(): void {
    this.#isDone = true;
    this.#reader.releaseLock();
  }
}
