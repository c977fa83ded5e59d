import { SpillwayError } from "../errors.ts";

/**
 * Checks what a function of the caller's tells of a chunk.
 *
 * @param name - of the option the function came in
 * @param min - the least it may give
 * @throws {@link SpillwayError} with `SPW_ERR_CHUNK`, when the function made here is called: what
 * was given threw, or gave no finite number from `min`
 */
export function measured<T>(
  name: string,
  tell: (chunk: T) => number,
  min: number = 0,
): (chunk: T) => number {
  return (chunk) => {
    let value: unknown;
    try {
      value = tell(chunk);
    } catch (cause) {
      throw new SpillwayError("SPW_ERR_CHUNK", `Cannot measure chunk: ${name}() threw`, { cause });
    }
    if (Number.isFinite(value) && (value as number) >= min) return value as number;
    throw new SpillwayError(
      "SPW_ERR_CHUNK",
      `Cannot measure chunk: ${name}() gave ${String(value)}, want a finite number from ${min}`,
    );
  };
}
