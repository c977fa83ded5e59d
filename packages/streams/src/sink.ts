import { checkStrategy } from "./internal/strategy.ts";
import { usePump } from "./internal/use-pump.ts";
import type { Sink } from "./internal/protocol.ts";
import { isPromiseLike } from "./internal/promise.ts";
import { startSink } from "./internal/start-sink.ts";
import { WritableEnd } from "./internal/writable-end.ts";
import { checkFunction } from "./options.ts";

/**
 * Makes a `WritableStream` as its constructor does, and one that a pipe from another of our streams
 * feeds without a promise for each chunk.
 *
 * Backpressure: as many chunks as the strategy says wait for a `write()` that returned a promise; one
 * that returns nothing holds nobody up. Other than the constructor's, its `abort()` settles at once:
 * the write in flight rejects and `underlying.abort` is called without waiting for it.
 *
 * @param underlying - `start`, `write`, `close` and `abort`, as the standard has them
 * @param strategy - what may wait; one chunk when it does not say
 * @returns the stream
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 * @see https://streams.spec.whatwg.org/#underlying-sink-api
 *
 * @example
 * ```ts
 * import { fromIterable, map, sink } from "@spillway/streams";
 *
 * const lines: string[] = [];
 * await fromIterable([1, 2, 3])
 *   .pipeThrough(map((value) => `${value} °C`))
 *   .pipeTo(sink({ write: (line) => void lines.push(line) }));
 * ```
 */
export function sink<T>(
  underlying: UnderlyingSink<T> = {},
  strategy?: QueuingStrategy<T>,
): WritableStream<T> {
  const { start, write, close, abort } = underlying;
  checkFunction("start", start);
  checkFunction("write", write);
  checkFunction("close", close);
  checkFunction("abort", abort);
  let controller: WritableStreamDefaultController;
  const fail = (error: unknown): never => {
    end.error(error);
    throw error;
  };
  const core: Sink<T> = {
    start: (given, starting) => {
      controller = given;
      return start && startSink(() => start.call(underlying, given) as unknown, given, starting);
    },
    put: (chunk) => {
      try {
        const written = write?.call(underlying, chunk, controller);
        if (!isPromiseLike(written)) return true;
        return Promise.resolve(written).catch(fail);
      } catch (error) {
        end.error(error);
        return Promise.reject(error);
      }
    },
    close: () => close?.call(underlying),
    abort: (reason) => abort?.call(underlying, reason),
  };
  usePump();
  const end: WritableEnd<T> = new WritableEnd<T>(core, checkStrategy("strategy", strategy, 1));
  return end.stream;
}
