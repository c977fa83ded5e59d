import { bytesOf, Frame, type MessageChunk, wrongChunk } from "../frame.ts";
import { wireBytes } from "./header.ts";

/** A message on its way out; large ones leave in fragments. */
export interface Message {
  readonly payload: string | Uint8Array;
  readonly binary: boolean;
  readonly payloadBytes: number;
}

/**
 * @param maxBytes - strings of more bytes are encoded, so that they can be cut
 * @throws SpillwayError with `SPW_ERR_CHUNK` for what is no message
 */
export function toMessage(chunk: MessageChunk, maxBytes: number): Message {
  if (typeof chunk === "string") {
    const payloadBytes = Buffer.byteLength(chunk);
    const payload = payloadBytes > maxBytes ? Buffer.from(chunk) : chunk;
    return { payload, binary: false, payloadBytes };
  }
  if (chunk instanceof Frame) {
    const { payload, type } = chunk;
    return { payload, binary: type === "binary", payloadBytes: payload.byteLength };
  }
  const payload = bytesOf(chunk);
  if (!payload) throw wrongChunk(chunk);
  return { payload, binary: true, payloadBytes: payload.byteLength };
}

/** Wire bytes of a chunk, or `undefined` when it is no message. */
export function chunkBytes(chunk: unknown): number | undefined {
  if (typeof chunk === "string") return wireBytes(Buffer.byteLength(chunk));
  const length = chunk instanceof Frame ? chunk.byteLength : bytesOf(chunk)?.byteLength;
  return length === undefined ? undefined : wireBytes(length);
}
