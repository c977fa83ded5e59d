import type { SizedFifo } from "./fifo.ts";
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
  readonly settlers: Settlers;
}

/** How a pipe ends. */
export interface PipeEnd {
  /** What is done to the other side. */
  readonly action?: (() => Promise<void>) | false | undefined;
  /** What the pipe rejects with. */
  readonly failure?: { readonly reason: unknown };
}

/** A write that the sink took and has not finished. */
export interface Write<T> {
  readonly chunk: T;
  readonly size: number;
  readonly promise: Promise<void>;
}

/** Of what `pipeTo()` returned. */
export interface Settlers {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
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

/** Gives the ends back to their native queues, with what was held; resolves once it is written. */
export async function handBack<T>(
  { from, into, writer }: Pipe<T>,
  inFlight: Write<T> | undefined,
  held: SizedFifo<T>,
): Promise<void> {
  from.attach(undefined);
  into.attach(undefined);
  if (into.state !== "writable") return;
  const writes: Promise<void>[] = [];
  const queue = (chunk: T, size: number, write?: Promise<void>): void => {
    // One that fails has errored the destination, and that is what the pipe ends with.
    into.handover = { size, write };
    writes.push(writer.write(chunk).catch(() => {}));
  };
  if (inFlight) queue(inFlight.chunk, inFlight.size, inFlight.promise);
  while (held.length > 0) {
    const size = held.frontSize;
    queue(held.shift(), size);
  }
  for (const write of writes) await write;
}

/** Ends the pipe as planned, lets the ends go and settles what `pipeTo()` returned. */
export async function conclude<T>(
  { reader, writer, settlers }: Pipe<T>,
  { action, failure }: PipeEnd,
): Promise<void> {
  let failed = failure;
  try {
    if (action) await action();
  } catch (reason) {
    failed = { reason };
  }
  writer.releaseLock();
  reader.releaseLock();
  if (failed) settlers.reject(failed.reason);
  else settlers.resolve();
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
