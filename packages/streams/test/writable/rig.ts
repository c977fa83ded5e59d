import { bounded, map, sink } from "../../src/index.ts";

type Make = <T>(underlying?: UnderlyingSink<T>, strategy?: QueuingStrategy<T>) => WritableStream<T>;

/** The constructor, which shows what `sink()` must do, and `sink()`. */
export const MAKERS: readonly { name: string; isOurs: boolean; make: Make }[] = [
  {
    name: "new WritableStream()",
    isOurs: false,
    make: (underlying, strategy) => new WritableStream(underlying, strategy),
  },
  { name: "sink()", isOurs: true, make: sink },
];

/** Pairs of ours, and what the platform calls one; their readable is read as fast as it goes. */
export const PAIRS: readonly { name: string; isOurs: boolean; make(): Pair }[] = [
  { name: "new TransformStream()", isOurs: false, make: () => new TransformStream() },
  { name: "bounded()", isOurs: true, make: () => bounded<unknown>({ highWaterMark: 1 }) },
  { name: "map()", isOurs: true, make: () => map((chunk: unknown) => chunk) },
];

export type Pair = ReadableWritablePair<unknown, unknown>;

/** A sink that notes what it is told; each write waits to be let go. */
export interface Slow {
  readonly underlying: UnderlyingSink<unknown>;
  readonly log: unknown[];
  release(failure?: { readonly reason: unknown }): void;
  readonly controller: WritableStreamDefaultController;
}

export function slow(): Slow {
  const log: unknown[] = [];
  const held: { resolve: () => void; reject: (reason: unknown) => void }[] = [];
  let controller!: WritableStreamDefaultController;
  const hold = (): Promise<void> =>
    new Promise<void>((resolve, reject) => {
      held.push({ resolve, reject });
    });
  return {
    log,
    get controller() {
      return controller;
    },
    underlying: {
      start: (given) => {
        controller = given;
      },
      write: (chunk) => {
        log.push(chunk);
        return hold();
      },
      close: () => {
        log.push("close");
        return hold();
      },
      abort: (reason) => void log.push({ aborted: reason }),
    },
    release: (failure) => {
      const first = held.shift();
      if (!first) throw new Error("Cannot release: nothing waits");
      if (failure) first.reject(failure.reason);
      else first.resolve();
    },
  };
}

/** The promises of a writer, marked as handled: tests look at them late. */
export function writerOf<T>(writable: WritableStream<T>): WritableStreamDefaultWriter<T> {
  const writer = writable.getWriter();
  writer.ready.catch(() => {});
  writer.closed.catch(() => {});
  return writer;
}

export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
