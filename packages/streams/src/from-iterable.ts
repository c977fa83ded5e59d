import { usePump } from "./internal/use-pump.ts";
import { isPromiseLike } from "./internal/promise.ts";
import { EMPTY, type Source } from "./internal/protocol.ts";
import { ReadableEnd } from "./internal/readable-end.ts";
import { wrongType } from "./options.ts";

/**
 * Makes a stream of what an iterable gives, as `ReadableStream.from()` does; a synchronous one is
 * piped into our streams without a promise for each chunk.
 *
 * Backpressure: asks for a value only when one is wanted; nothing is read ahead. Cancelling calls
 * the iterator's `return()`.
 *
 * @param iterable - an array, a generator, a Node stream: what `for await` takes
 * @returns the stream
 * @throws `TypeError` with `code: "SPW_ERR_OPTION"` for what cannot be iterated
 * @see https://streams.spec.whatwg.org/#rs-from
 *
 * @example
 * ```ts
 * import { fromIterable } from "@spillway/streams";
 *
 * async function* ticks(): AsyncGenerator<number> {
 *   for (let tick = 0; tick < 3; tick++) yield tick;
 * }
 * for await (const tick of fromIterable(ticks())) console.log(tick);
 * ```
 */
export function fromIterable<T>(
  iterable: Iterable<T | PromiseLike<T>> | AsyncIterable<T>,
): ReadableStream<T> {
  usePump();
  return new IterableSource<T>(iterate(iterable)).end.stream;
}

type Result<T> = IteratorResult<T, unknown>;

type AnyIterator<T> = Iterator<T | PromiseLike<T>> | AsyncIterator<T>;

interface Iteration<T> {
  /** Whether `next()` gives promises of results; else it gives results, of promises perhaps. */
  readonly isAsync: boolean;
  readonly iterator: AnyIterator<T>;
}

function iterate<T>(iterable: Iterable<T | PromiseLike<T>> | AsyncIterable<T>): Iteration<T> {
  const from = iterable as Partial<Iterable<T> & AsyncIterable<T>> | null | undefined;
  // Null is as good as none: https://tc39.es/ecma262/#sec-getmethod
  const makeAsync = from?.[Symbol.asyncIterator] ?? undefined;
  const make = makeAsync ?? from?.[Symbol.iterator];
  if (typeof make !== "function") throw wrongType("iterable", "an iterable", iterable);
  const iterator = (make as () => AnyIterator<T>).call(iterable);
  if (!isObject(iterator)) throw wrongType("iterable", "one that gives an iterator", iterator);
  return { isAsync: makeAsync !== undefined, iterator };
}

class IterableSource<T> implements Source<T> {
  readonly end: ReadableEnd<T>;
  readonly #isAsync: boolean;
  readonly #iterator: AnyIterator<T>;
  /** Looked up once, as by `for await`. */
  readonly #next: () => unknown;
  /** What a promise brought, until it is taken. */
  #arrived: T | typeof EMPTY = EMPTY;
  #state: "ready" | "waiting" | "done" = "ready";

  constructor({ isAsync, iterator }: Iteration<T>) {
    this.#isAsync = isAsync;
    this.#iterator = iterator;
    this.#next = iterator.next;
    this.end = new ReadableEnd<T>(this);
  }

  take(): T | typeof EMPTY {
    if (this.#arrived !== EMPTY) {
      const chunk = this.#arrived;
      this.#arrived = EMPTY;
      return chunk;
    }
    if (this.#state !== "ready") return EMPTY;
    try {
      const next = this.#next.call(this.#iterator);
      if (this.#isAsync) return this.#wait(next as Promise<Result<T>>);
      return this.#accept(next as Result<T | PromiseLike<T>>);
    } catch (error) {
      this.#fail(error);
      return EMPTY;
    }
  }

  async cancel(reason: unknown): Promise<void> {
    this.#state = "done";
    this.#arrived = EMPTY;
    const result = await this.#iterator.return?.(reason);
    if (result !== undefined) checkResult(result);
  }

  #accept(next: Result<T | PromiseLike<T>>): T | typeof EMPTY {
    checkResult(next);
    if (next.done) {
      this.#state = "done";
      this.end.close();
      return EMPTY;
    }
    const { value } = next;
    // Of bytes it is known without a look, and that costs as much as a copy of some.
    if (ArrayBuffer.isView(value)) return value;
    return isPromiseLike(value) ? this.#wait(Promise.resolve(value).then(toResult)) : value;
  }

  #wait(promise: PromiseLike<Result<T>>): typeof EMPTY {
    this.#state = "waiting";
    Promise.resolve(promise).then(
      (result) => this.#arrive(result),
      (error: unknown) => this.#fail(error),
    );
    return EMPTY;
  }

  #arrive(result: Result<T>): void {
    if (this.#state !== "waiting") return;
    this.#state = "ready";
    try {
      checkResult(result);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (result.done) {
      this.#state = "done";
      this.end.close();
    } else {
      this.#arrived = result.value;
      this.end.wake();
    }
  }

  #fail(error: unknown): void {
    this.#state = "done";
    this.end.error(error);
  }
}

function toResult<T>(value: T): Result<T> {
  return { value };
}

function checkResult(result: unknown): void {
  if (isObject(result)) return;
  throw new TypeError(`Cannot read iterator: it gave ${String(result)}, want an object`);
}

function isObject(value: unknown): boolean {
  return typeof value === "object" ? value !== null : typeof value === "function";
}
