import { checkFunction, checkNumber, wrongType } from "../options.ts";
import { measured } from "./measure.ts";

/** A standard queuing strategy, checked. */
export interface Strategy<T> {
  readonly highWaterMark: number;
  /** Undefined where every chunk counts 1. May throw {@link SpillwayError} with `SPW_ERR_CHUNK`. */
  readonly size?: ((chunk: T) => number) | undefined;
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
  // Web IDL reads them in this order, each once.
  const { highWaterMark, size } = strategy;
  checkFunction(`${name}.size`, size);
  return {
    highWaterMark: checkNumber(`${name}.highWaterMark`, highWaterMark, fallback, { min: 0 }),
    // Converted as the platform does.
    size: size && measured(`${name}.size`, (chunk) => Number(size(chunk) as unknown)),
  };
}
