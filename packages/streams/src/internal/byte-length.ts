/** The bytes of what has some: a string's length counts as such, anything else weighs nothing. */
export function byteLengthOf(chunk: unknown): number {
  if (typeof chunk === "string") return chunk.length;
  const length = (chunk as { byteLength?: unknown } | null | undefined)?.byteLength;
  return typeof length === "number" ? length : 0;
}
