import { SpillwayError } from "@spillway/streams";
import { firstByte, wireBytes, writeHeader } from "./internal/header.ts";

/** What `connection.writable` takes: one chunk is one message. Strings go as text. */
export type MessageChunk = string | ArrayBuffer | ArrayBufferView | Frame;

/** How {@link frame} marks a message. */
export interface FrameOptions {
  /**
   * The message type on the wire.
   *
   * @defaultValue `"text"` for a string, `"binary"` for bytes
   */
  readonly type?: "text" | "binary" | undefined;
}

/** A message encoded once, for any number of connections. Made by {@link frame}. */
export class Frame {
  readonly type: "text" | "binary";
  /** The payload, UTF-8 for text; must not change while any connection may still send it. */
  readonly payload: Uint8Array;
  #encoded: Buffer | undefined;

  constructor(payload: Uint8Array, type: "text" | "binary") {
    this.payload = payload;
    this.type = type;
  }

  /** Payload bytes. */
  get byteLength(): number {
    return this.payload.byteLength;
  }

  /** The whole frame with its header, made once, for payloads that are small enough to copy. */
  get encoded(): Uint8Array {
    if (!this.#encoded) {
      const { byteLength, payload } = this;
      this.#encoded = Buffer.allocUnsafe(wireBytes(byteLength));
      const first = firstByte(this.type === "binary", false, true);
      this.#encoded.set(payload, writeHeader(this.#encoded, 0, first, byteLength));
    }
    return this.#encoded;
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
 * @param options - the message type
 * @returns a chunk for `connection.writable`
 * @throws {@link SpillwayError} with `SPW_ERR_CHUNK` when `data` is neither string nor bytes
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
  const payload = typeof data === "string" ? encoder.encode(data) : bytesOf(data);
  if (!payload) throw wrongChunk(data);
  return new Frame(payload, options.type ?? (typeof data === "string" ? "text" : "binary"));
}

/** The bytes of a buffer or view, by reference; `undefined` for anything else. */
export function bytesOf(data: unknown): Uint8Array | undefined {
  if (data instanceof Uint8Array && data.byteLength > 0 && data.buffer instanceof ArrayBuffer) {
    return data;
  }
  if (data instanceof ArrayBuffer) return isDetached(data) ? undefined : new Uint8Array(data);
  if (!ArrayBuffer.isView(data) || !(data.buffer instanceof ArrayBuffer)) return undefined;
  if (data.byteLength === 0 && isDetached(data.buffer)) return undefined;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
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
  const shared =
    ArrayBuffer.isView(chunk) || chunk instanceof ArrayBuffer || chunk instanceof SharedArrayBuffer;
  const given = chunk === null ? "null" : shared ? "shared or detached memory" : typeof chunk;
  return new SpillwayError(
    "SPW_ERR_CHUNK",
    `Cannot send chunk: got ${given}, want a string, an ArrayBuffer, a view of one or a Frame`,
  );
}
