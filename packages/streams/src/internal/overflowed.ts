import { SpillwayError } from "../errors.ts";

interface Full {
  readonly length: number;
  readonly size: number;
  readonly maxChunks: number;
  readonly maxSize: number;
}

/** Says that a chunk of `size` has no place in what is `full`. */
export function overflowed(size: number, full: Full, hint: string = ""): SpillwayError {
  return new SpillwayError(
    "SPW_ERR_OVERFLOW",
    `Cannot queue chunk of size ${size}: ${full.length} chunks of size ${full.size} wait ` +
      `and the limits are ${full.maxChunks} and ${full.maxSize}${hint}`,
  );
}
