import { SpillwayError } from "../errors.ts";

interface Bounded {
  readonly length: number;
  readonly size: number;
  readonly maxChunks: number;
  readonly maxSize: number;
}

/** Whether a chunk of `size` has a place. Where nothing is, any chunk has, however large. */
export function fits(size: number, where: Bounded): boolean {
  if (where.length === 0) return true;
  return where.length < where.maxChunks && where.size + size <= where.maxSize;
}

/** Says that a chunk of `size` has no place in what is `full`. */
export function overflowed(size: number, full: Bounded): SpillwayError {
  return new SpillwayError(
    "SPW_ERR_OVERFLOW",
    `Cannot queue chunk of size ${size}: ${full.length} of size ${full.size} wait, ` +
      `the limits are ${full.maxChunks} and ${full.maxSize}`,
  );
}
