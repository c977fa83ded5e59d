import { SpillwayError } from "../errors.ts";
import { checkFunction, checkNumber, wrongType } from "../options.ts";

/** A standard queuing strategy, checked. */
export interface Strategy<T> {
  readonly highWaterMark: number;
  /** Undefined where every chunk counts 1. Throws {@link SpillwayError} with `SPW_ERR_CHUNK`. */
  readonly size: ((chunk: T) => number) | undefined;
}

/** @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"` */
export function checkStrategy<T>(
  name: string,
  strategy: QueuingStrategy<T> | undefined,
  fallback: number,
): Strategy<T> {
  if (strategy === undefined) return { highWaterMark: fallback, size: undefined };
  if (typeof strategy !== "object" || strategy === null) {
    throw wrongType(name, "a queuing strategy", strategy);
  }
  const mark = `${name}.highWaterMark`;
  const size = checkFunction(`${name}.size`, strategy.size);
  return {
    highWaterMark: checkNumber(mark, strategy.highWaterMark, fallback, { min: 0 }),
    size: size && ((chunk) => measure(size, chunk)),
  };
}

function measure<T>(measured: (chunk: T) => number, chunk: T): number {
  let given: unknown;
  try {
    given = measured(chunk);
  } catch (cause) {
    throw new SpillwayError("SPW_ERR_CHUNK", "Cannot queue chunk: size() threw", { cause });
  }
  // Converted as the platform does.
  const size = Number(given);
  if (size >= 0 && size < Infinity) return size;
  const message = `Cannot queue chunk: size() gave ${size}, want a finite number from 0`;
  throw new SpillwayError("SPW_ERR_CHUNK", message);
}
