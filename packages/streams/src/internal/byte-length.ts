import { SpillwayError } from "../errors.ts";

/** The bytes of what has some: a string's length counts as such, anything else weighs nothing. */
export function byteLengthOf(chunk: unknown): number {
  return lengthOf(chunk) ?? 0;
}

/** The same, where nothing may go past a limit unseen: what has no length is refused. */
export function bytesOf(chunk: unknown): number {
  const length = lengthOf(chunk);
  if (length !== undefined) return length;
  const message = `Cannot measure chunk: ${typeof chunk} has no byteLength, and size is not given`;
  throw new SpillwayError("SPW_ERR_CHUNK", message);
}

function lengthOf(chunk: unknown): number | undefined {
  if (typeof chunk === "string") return chunk.length;
  const length = (chunk as { byteLength?: unknown } | null | undefined)?.byteLength;
  return typeof length === "number" ? length : undefined;
}
