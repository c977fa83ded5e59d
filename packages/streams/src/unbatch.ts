import { SpillwayError } from "./errors.ts";
import { reportUncaught } from "./internal/report.ts";
import { type Stage, type StageOptions, stage } from "./internal/stage.ts";

/**
 * Makes a stage that gives out the items of the iterables that come in, one by one.
 *
 * Backpressure: an item is asked for when the consumer wants one, so an iterable may be endless; the
 * next one waits until it is through, and so does `write()`. Nothing is dropped. An iterator that is
 * left in the middle is told by its `return()`.
 *
 * @param options - the strategies
 * @returns the pair, for `pipeThrough()`
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { fromIterable, map, unbatch } from "@spillway/streams";
 *
 * const words = fromIterable(["to be", "or not to be"])
 *   .pipeThrough(map((line) => line.split(" ")))
 *   .pipeThrough(unbatch());
 * ```
 */
export function unbatch<T>(options: StageOptions<Iterable<T>, T> = {}): Stage<Iterable<T>, T> {
  return stage<Iterable<T>, T>(options, (output) => {
    /** What is being given out; undefined once it has said that it is through. */
    let items: Iterator<T> | undefined;

    const next = (from: Iterator<T>): IteratorResult<T> => {
      try {
        return from.next();
      } catch (error) {
        // An iterator that throws has ended itself.
        items = undefined;
        throw error;
      }
    };

    return {
      put: (chunk) => {
        if (items || !output.isWanted) return false;
        items = iterate(chunk);
        output.offer();
        return true;
      },
      pull: () => {
        while (items) {
          const { done, value } = next(items);
          if (!done) {
            output.emit(value);
            return;
          }
          items = undefined;
          output.wake();
        }
      },
      holds: () => items !== undefined,
      dispose: () => {
        try {
          items?.return?.();
        } catch (error) {
          reportUncaught(error);
        }
        items = undefined;
      },
    };
  });
}

function iterate<T>(chunk: Iterable<T>): Iterator<T> {
  const isIterable =
    typeof (chunk as Partial<Iterable<T>> | null)?.[Symbol.iterator] === "function";
  if (isIterable) return chunk[Symbol.iterator]();
  const given = chunk === null ? "null" : typeof chunk;
  throw new SpillwayError("SPW_ERR_CHUNK", `Cannot unbatch chunk: got ${given}, want an iterable`);
}
