import type { PipeOptions } from "./pipe-options.ts";
import type { ReadableEnd } from "./readable-end.ts";
import type { WritableEnd } from "./writable-end.ts";

/** Two ends that a pipe has locked. */
export interface Pipe<T> {
  readonly from: ReadableEnd<T>;
  readonly into: WritableEnd<T>;
  readonly reader: ReadableStreamDefaultReader<T>;
  readonly writer: WritableStreamDefaultWriter<T>;
  readonly options: PipeOptions;
}

/** How a pipe ends. */
export interface PipeEnd {
  /** What is done to the other side. */
  readonly action?: (() => Promise<void>) | false | undefined;
  /** What the pipe rejects with. */
  readonly failure?: { readonly reason: unknown };
}

export function whenSourceClosed<T>({ into, writer, options }: Pipe<T>): PipeEnd {
  const close = async (): Promise<void> => {
    if (into.state === "errored") throw into.reason;
    if (into.state === "writable") await writer.close();
  };
  return { action: !options.preventClose && close };
}

export function whenSourceErrored<T>({ writer, options }: Pipe<T>, reason: unknown): PipeEnd {
  const abort = (): Promise<void> => writer.abort(reason);
  return { action: !options.preventAbort && abort, failure: { reason } };
}

export function whenSinkErrored<T>({ reader, options }: Pipe<T>, reason: unknown): PipeEnd {
  const cancel = (): Promise<void> => reader.cancel(reason);
  return { action: !options.preventCancel && cancel, failure: { reason } };
}

export function whenAborted<T>(pipe: Pipe<T>, reason: unknown): PipeEnd {
  const { from, into, reader, writer, options } = pipe;
  const action = (): Promise<void> => {
    const isSpared = options.preventAbort || into.state === "errored";
    const isLeft = options.preventCancel || from.state === "errored";
    const aborted = isSpared ? undefined : writer.abort(reason);
    const cancelled = isLeft ? undefined : reader.cancel(reason);
    return waitForBoth(aborted, cancelled);
  };
  return { action, failure: { reason } };
}

/** As `Promise.all()`, without a value for `Object.prototype.then` to see. */
function waitForBoth(one?: Promise<void>, other?: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const settled = Promise.resolve(one);
    settled.catch(reject);
    Promise.resolve(other)
      .then(() => settled)
      .then(resolve, reject);
  });
}
