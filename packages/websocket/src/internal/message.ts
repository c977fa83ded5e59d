import { SpillwayError } from "@spillway/streams";
import { escapeText, MARK_BYTE } from "@spillway/streams/protocol";
import { bytesOf, Frame, type MessageChunk, wrongChunk } from "../frame.ts";
import { deflateLater } from "./deflate.ts";
import { wireBytes } from "./header.ts";
import type { Lease } from "./lease.ts";

/** A large message on its way out, in fragments. */
export interface Message {
  readonly payload: Uint8Array;
  /** Its length, unless it was transferred since. */
  readonly payloadBytes: number;
  readonly binary: boolean;
  /** Whether the payload is compressed. */
  readonly isPacked: boolean;
  /** Whether it is to be compressed; undefined leaves that to its size. */
  readonly compress: boolean | undefined;
  readonly lease: Lease | undefined;
}

/** @throws SpillwayError with `SPW_ERR_CHUNK` for what is no message */
export function toMessage(chunk: MessageChunk): Message {
  if (typeof chunk === "string") return plain(Buffer.from(chunk), false);
  if (chunk instanceof Frame) {
    const { compress, lease, payload, type } = chunk;
    return { ...plain(payload, type === "binary"), compress, lease };
  }
  const payload = bytesOf(chunk);
  if (!payload) throw wrongChunk(chunk);
  return plain(payload, true);
}

function plain(payload: Uint8Array, binary: boolean): Message {
  const { byteLength: payloadBytes } = payload;
  return { payload, payloadBytes, binary, isPacked: false, compress: undefined, lease: undefined };
}

/** Compresses a message, for all connections if it is a frame; gives it as it is where that gains nothing. */
export async function toPacked(
  chunk: MessageChunk,
  message: Message,
  windowBits: number,
): Promise<Message> {
  const packing =
    chunk instanceof Frame
      ? chunk.encoding.packedLater(windowBits)
      : deflateLater(message.payload, windowBits);
  const payload = await packing;
  if (!payload) return message;
  return {
    ...message,
    payload,
    payloadBytes: payload.byteLength,
    isPacked: true,
    lease: undefined,
  };
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

/** Bytes of a message's payload as it travels to a peer with credit, which is escaped some texts; uncompressed. */
export function payloadOf(chunk: MessageChunk): number {
  if (typeof chunk === "string") return Buffer.byteLength(escapeText(chunk));
  const isText = chunk instanceof Frame && chunk.type === "text";
  return chunk.byteLength + (isText && chunk.payload[0] === MARK_BYTE ? 1 : 0);
}

/** The error for a producer that does not wait. */
export function tooMuch(bytes: number, queued: number, limit: number): SpillwayError {
  return new SpillwayError(
    "SPW_ERR_OVERFLOW",
    `Cannot queue message of ${bytes} bytes: ${queued} bytes wait and the limit is ${limit} bytes; ` +
      "await writer.ready before each write",
  );
}
