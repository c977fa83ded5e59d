import { bytesOf, Frame, type MessageChunk, wrongChunk } from "../frame.ts";
import { deflateLater } from "./deflate.ts";
import { wireBytes } from "./header.ts";
import type { Lease } from "./lease.ts";

/** A large message on its way out, in fragments. */
export interface Message {
  readonly payload: Uint8Array;
  readonly binary: boolean;
  /** Whether the payload is compressed. */
  readonly isPacked: boolean;
  /** Whether it is to be compressed; undefined leaves that to its size. */
  readonly compress: boolean | undefined;
  readonly lease: Lease | undefined;
}

/** @throws SpillwayError with `SPW_ERR_CHUNK` for what is no message */
export function toMessage(chunk: MessageChunk): Message {
  const plain = { isPacked: false, compress: undefined, lease: undefined };
  if (typeof chunk === "string") return { ...plain, payload: Buffer.from(chunk), binary: false };
  if (chunk instanceof Frame) {
    const { compress, lease, payload, type } = chunk;
    return { ...plain, payload, binary: type === "binary", compress, lease };
  }
  const payload = bytesOf(chunk);
  if (!payload) throw wrongChunk(chunk);
  return { ...plain, payload, binary: true };
}

/** Compresses a message, for all connections if it is a frame; gives `plain` where that gains nothing. */
export async function toPacked(
  chunk: MessageChunk,
  plain: Message,
  windowBits: number,
): Promise<Message> {
  const packing =
    chunk instanceof Frame
      ? chunk.encoding.packedLater(windowBits)
      : deflateLater(plain.payload, windowBits);
  const payload = await packing;
  return payload ? { ...plain, payload, isPacked: true, lease: undefined } : plain;
}

/** Wire bytes of a chunk, or `undefined` when it is no message. */
export function chunkBytes(chunk: unknown): number | undefined {
  if (typeof chunk === "string") return wireBytes(Buffer.byteLength(chunk));
  if (chunk instanceof Frame) {
    return chunk.lease?.isOver ? undefined : wireBytes(chunk.byteLength);
  }
  const payload = bytesOf(chunk);
  return payload && wireBytes(payload.byteLength);
}
