import { type Gap, SpillwayError } from "@spillway/streams";
import { checkBoolean, checkFunction, checkOneOf, wrongType } from "@spillway/streams/options";
import { Encoding } from "./internal/encoding.ts";
import { Lease } from "./internal/lease.ts";

/** What `connection.writable` takes: one chunk is one message. Strings go as text. */
export type MessageChunk = string | ArrayBuffer | ArrayBufferView | Frame;

/**
 * What a writable takes: messages, and gaps between them. A peer that speaks `spillway.v1` is told of a gap
 * where it is; any other is sent nothing for it.
 */
export type LaneChunk = MessageChunk | Gap;

/** How {@link frame} marks a message. */
export interface FrameOptions {
  /**
   * The message type on the wire.
   *
   * @defaultValue `"text"` for a string, `"binary"` for bytes
   */
  readonly type?: "text" | "binary" | undefined;
  /**
   * Whether to compress the message for peers with which `permessage-deflate` was negotiated: once
   * for all of them.
   *
   * @defaultValue `true` from 1,024 bytes, as with `ws`
   */
  readonly compress?: boolean | undefined;
  /**
   * Called once, when no connection needs the buffer any more: the kernel took it, it was dropped, or
   * the connection ended. Until then the buffer must not change, and afterwards the frame cannot be
   * sent. Write such a frame to all its connections in one go: a connection that comes later comes
   * too late, as a hub's subscribers do.
   */
  readonly release?: (() => void) | undefined;
}

/** A message encoded once, for any number of connections. Made by {@link frame}. */
export class Frame {
  readonly type: "text" | "binary";
  /** The payload, UTF-8 for text; must not change while any connection may still send it. */
  readonly payload: Uint8Array;
  /** Whether to compress it; undefined leaves that to its size. */
  readonly compress: boolean | undefined;
  /** Its bytes on the wire. */
  readonly encoding: Encoding;
  /** Who still needs the payload, for frames that give it back. */
  readonly lease: Lease | undefined;

  /** Use {@link frame}, which checks the options. */
  constructor(payload: Uint8Array, type: "text" | "binary", options: FrameOptions) {
    this.payload = payload;
    this.type = type;
    this.compress = options.compress;
    this.encoding = new Encoding(payload, type === "binary");
    this.lease = options.release && new Lease(options.release);
  }

  /** Payload bytes. */
  get byteLength(): number {
    return this.payload.byteLength;
  }
}

const encoder = new TextEncoder();

/**
 * Encodes a message once; the result can be sent on any number of connections.
 *
 * Backpressure: none of its own; the payload is held by reference until every connection has sent
 * or dropped it.
 *
 * @param data - a string, or bytes (sent by reference: do not change them afterwards)
 * @param options - the message type, whether to compress it, and who gets the buffer back
 * @returns a chunk for `connection.writable`
 * @throws {@link SpillwayError} with `SPW_ERR_CHUNK` when `data` is neither string nor bytes;
 *   `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { broadcast } from "@spillway/streams";
 * import { frame } from "@spillway/websocket";
 *
 * const news = broadcast({ encode: (story: { title: string }) => frame(JSON.stringify(story)) });
 * news.publish({ title: "Encoded once for every reader" });
 * ```
 */
export function frame(
  data: string | ArrayBuffer | ArrayBufferView,
  options: FrameOptions = {},
): Frame {
  if (Object(options) !== options) throw wrongType("options", "an object", options);
  const isText = typeof data === "string";
  const kind = checkOneOf("type", options.type, isText ? "text" : "binary", ["text", "binary"]);
  checkBoolean("compress", options.compress);
  checkFunction("release", options.release);
  const payload = isText ? encoder.encode(data) : bytesOf(data);
  if (!payload) throw wrongChunk(data);
  return new Frame(payload, kind, options);
}

/** Called itself: to go by way of the prototypes takes twice as long. */
const { get: getBuffer } = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  "buffer",
) as { get: () => ArrayBufferLike };

/** Whether a view is one of memory that other threads may change. */
export function isShared(bytes: Uint8Array): boolean {
  return !(getBuffer.call(bytes) instanceof ArrayBuffer);
}

/** The bytes of a buffer or view, by reference; `undefined` for anything else. */
export function bytesOf(data: unknown): Uint8Array | undefined {
  if (data instanceof Uint8Array && data.length > 0 && !isShared(data)) return data;
  if (data instanceof ArrayBuffer) return isDetached(data) ? undefined : new Uint8Array(data);
  if (!ArrayBuffer.isView(data) || !(data.buffer instanceof ArrayBuffer)) return undefined;
  if (data.byteLength === 0 && isDetached(data.buffer)) return undefined;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The lease of a frame that gives its buffer back. */
export function leaseOf(chunk: unknown): Lease | undefined {
  return chunk instanceof Frame ? chunk.lease : undefined;
}

/** Whether a buffer was transferred, to a worker say; its views are empty then. */
function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    return new Uint8Array(buffer).byteLength > 0;
  } catch {
    return true;
  }
}

/** The error for a chunk that is no message. */
export function wrongChunk(chunk: unknown): SpillwayError {
  if (chunk instanceof Frame) {
    const message = "Cannot send frame: its buffer was released; make a frame for each use";
    return new SpillwayError("SPW_ERR_CHUNK", message);
  }
  const shared =
    ArrayBuffer.isView(chunk) || chunk instanceof ArrayBuffer || chunk instanceof SharedArrayBuffer;
  const given = chunk === null ? "null" : shared ? "shared or detached memory" : typeof chunk;
  return new SpillwayError(
    "SPW_ERR_CHUNK",
    `Cannot send chunk: got ${given}, want a string, an ArrayBuffer, a view of one or a Frame`,
  );
}
