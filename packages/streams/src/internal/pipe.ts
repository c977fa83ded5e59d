import type { Joint } from "./joint.ts";
import { type PipeOptions, readPipeOptions } from "./pipe-options.ts";
import { Pump } from "./pump.ts";
import { ReadableEnd } from "./readable-end.ts";
import { afterTurn, isTurnOver } from "./turn.ts";
import { WritableEnd } from "./writable-end.ts";

/** Pumps where both ends are ours and the platform would not refuse. */
export const joint: Joint = {
  wake(them): true {
    wakeEach(them.values());
    return true;
  },

  pipeTo<T>(
    source: ReadableStream<T>,
    destination: WritableStream<T>,
    options: StreamPipeOptions | undefined,
  ): Promise<void> | undefined {
    try {
      const [from, into] = [ReadableEnd.of(source), WritableEnd.of(destination)];
      const read = from && into && readPipeOptions(options);
      return read && pipe(from, into, read);
    } catch (error) {
      return Promise.reject(error);
    }
  },

  pipeThrough<T, Out>(
    source: ReadableStream<T>,
    pair: ReadableWritablePair<Out, T>,
    options: StreamPipeOptions | undefined,
  ): ReadableStream<Out> | undefined {
    const from = ReadableEnd.of(source);
    const { readable } = pair;
    // In the order of Web IDL: after a member that is no stream, the next one is not read.
    if (!from || !(readable instanceof ReadableStream)) return undefined;
    const { writable } = pair;
    const into = WritableEnd.of(writable);
    const read = into && readPipeOptions(options);
    const isFree = !source.locked && !writable.locked;
    if (!read || !isFree) {
      const given = read ? (read as StreamPipeOptions) : options;
      return ReadableStream.prototype.pipeThrough.call(
        source,
        { readable, writable },
        given,
      ) as ReadableStream<Out>;
    }
    pipe(from, into, read).catch(() => {});
    return readable;
  },
};

function pipe<T>(from: ReadableEnd<T>, into: WritableEnd<T>, options: PipeOptions): Promise<void> {
  if (!from.stream.locked && !into.stream.locked) {
    return new Promise((resolve, reject) => {
      new Pump(from, into, options, { resolve, reject }).start();
    });
  }
  // The getters of the options were free to lock.
  return ReadableStream.prototype.pipeTo.call(
    from.stream,
    into.stream,
    options as StreamPipeOptions,
  );
}

function wakeEach(them: IterableIterator<{ readonly end: { wake(): void } }>): void {
  for (const { end } of them) {
    end.wake();
    if (isTurnOver()) return afterTurn(() => wakeEach(them));
  }
}
