import { settles } from "./claims.ts";

/** Every promise that a stream gave out; each has to settle before the case is over. */
export class Promises {
  readonly #given: { readonly what: string; readonly promise: Promise<unknown> }[] = [];

  /** Notes a promise; a rejection is no crash. */
  track<T>(what: string, promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    this.#given.push({ what, promise });
    return promise;
  }

  writerOf<T>(writable: WritableStream<T>): WritableStreamDefaultWriter<T> {
    const writer = writable.getWriter();
    void this.track("writer.ready", writer.ready);
    void this.track("writer.closed", writer.closed);
    return writer;
  }

  readerOf<T>(readable: ReadableStream<T>): ReadableStreamDefaultReader<T> {
    const reader = readable.getReader();
    void this.track("reader.closed", reader.closed);
    return reader;
  }

  /** Checks that no promise is left pending. */
  async done(): Promise<void> {
    for (const { what, promise } of this.#given) await settles(promise, what);
  }
}
