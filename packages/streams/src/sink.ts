import { checkStrategy } from "./internal/strategy.ts";
import { usePump } from "./internal/use-pump.ts";
import type { Sink } from "./internal/protocol.ts";
import { isPromiseLike } from "./internal/promise.ts";
import { startSink } from "./internal/start-sink.ts";
import { WritableEnd } from "./internal/writable-end.ts";
import { checkFunction, outOfRange, wrongType } from "./options.ts";

/**
 * Makes a `WritableStream` as its constructor does, and one that a pipe from another of our streams
 * feeds without a promise for each chunk.
 *
 * Backpressure: as many chunks as the strategy says wait for a `write()` that returned a promise; one
 * that returns nothing holds nobody up. Other than the constructor's, it waits for no write that is of
 * no use any more: on `abort()` and on `controller.error()` the write in flight rejects at once, and
 * `abort()` calls `underlying.abort` without waiting for it.
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
  // Web IDL converts the strategy first, and reads members by name; engines have orders of their own.
  const checked = checkStrategy("strategy", strategy, 1);
  if (Object(underlying) !== underlying) throw wrongType("underlying", "an object", underlying);
  const { abort, close, start, type, write } = underlying;
  checkFunction("abort", abort);
  checkFunction("close", close);
  checkFunction("start", start);
  if (type !== undefined) throw outOfRange("type", "nothing (it is reserved)", type);
  checkFunction("write", write);
  let controller: WritableStreamDefaultController;
  const core: Sink<T> = {
    start: (given, starting) => {
      controller = given;
      return start && startSink(() => start.call(underlying, given) as unknown, given, starting);
    },
    put: (chunk) => {
      try {
        const written = write?.call(underlying, chunk, controller);
        return isPromiseLike(written) ? Promise.resolve(written) : true;
      } catch (error) {
        return Promise.reject(error);
      }
    },
    close: () => close?.call(underlying),
    abort: (reason) => abort?.call(underlying, reason),
  };
  usePump();
  return new WritableEnd<T>(core, checked).stream;
}
