import { types } from "node:util";
import { SpillwayError } from "../../errors.ts";

/** A view of the same bytes without `Buffer`'s methods, whose `slice()` does not copy. */
export function fromNodeChunk(chunk: unknown): unknown {
  if (!Buffer.isBuffer(chunk)) return chunk;
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** Byte streams of Node take strings and `Uint8Array`, not every kind of bytes that the web knows. */
export function toNodeChunk(chunk: unknown): unknown {
  if (typeof chunk === "string" || chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) {
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  return types.isAnyArrayBuffer(chunk) ? new Uint8Array(chunk) : chunk;
}

/** As {@link toNodeChunk}, with strings as UTF-8; throws for what is neither. */
export function toBytes(chunk: unknown): Uint8Array {
  const bytes = toNodeChunk(chunk);
  if (bytes instanceof Uint8Array) return bytes;
  if (typeof bytes === "string") return encoder.encode(bytes);
  const message = `Cannot write chunk: got ${typeof chunk}, want a string or bytes`;
  throw new SpillwayError("SPW_ERR_CHUNK", message);
}

const encoder = new TextEncoder();
