import type { SpillwayError } from "@spillway/streams";
import { escapeText, MARK_BYTE } from "@spillway/streams/protocol";
import { bytesOf, Frame, isShared, type MessageChunk, wrongChunk } from "../frame.ts";
import { MAX_COPY } from "./batch.ts";
import { isDeflated } from "./deflate.ts";
import { MAX_FRAGMENT } from "./delivery.ts";
import { firstByte, PACKED, wireBytes } from "./header.ts";
import type { Job } from "./line.ts";
import { type Message, toMessage, toPacked } from "./message.ts";
import type { Wire } from "./wire.ts";

/** What a {@link Sender} tells. */
export interface SenderHost {
  /** It was offered what it must not take. */
  fail(error: SpillwayError): void;
  /** A message that was being compressed may leave. */
  packed(): void;
}

/** Puts messages on the wire: in one frame, or in fragments if they are large. */
export class Sender {
  /** Payload bytes of one frame. */
  fragmentBytes: number = MAX_FRAGMENT;
  readonly #wire: Wire;
  readonly #host: SenderHost;
  /** Whether the peer takes some texts for control messages. */
  readonly #escapes: boolean;

  constructor(wire: Wire, escapes: boolean, host: SenderHost) {
    this.#wire = wire;
    this.#escapes = escapes;
    this.#host = host;
  }

  /** Writes a message of bytes that `loan` covers. @returns its wire bytes; 0 for any other */
  writeLent(chunk: MessageChunk, loan: number): number {
    if (!(chunk instanceof Uint8Array)) return 0;
    // Once: engines call out for it.
    const { length } = chunk;
    const bytes = wireBytes(length);
    if (bytes > loan || length === 0 || isShared(chunk)) return 0;
    return this.#wire.sendNext(chunk, length) ? bytes : 0;
  }

  /** Writes a message that is small enough to go as it is. @returns its wire bytes; 0 for any other */
  write(given: MessageChunk): number {
    const chunk = this.#escapes ? escaped(given) : given;
    if (typeof chunk === "string") {
      // A character takes 3 bytes at most.
      if (chunk.length * 3 > this.fragmentBytes) return 0;
      const byteLength = Buffer.byteLength(chunk);
      return byteLength > MAX_COPY ? 0 : this.#wire.sendText(chunk, byteLength);
    }
    if (chunk instanceof Frame) {
      const { byteLength, compress, lease } = chunk;
      return this.#isWhole(byteLength, compress) && !lease?.isOver
        ? this.#wire.sendFrame(chunk)
        : 0;
    }
    const payload = bytesOf(chunk);
    if (!payload || !this.#isWhole(payload.byteLength, undefined)) return 0;
    return this.#wire.sendBytes(payload);
  }

  /** Makes a message to be cut; `undefined` while it is being compressed, and for what is none. */
  prepare(job: Job): Message | undefined {
    const { windowBits } = this.#wire;
    const chunk = this.#escapes ? escaped(job.chunk) : job.chunk;
    let message;
    try {
      message = toMessage(chunk);
    } catch (error) {
      // The buffer was transferred while it waited.
      this.#host.fail(error as SpillwayError);
      return undefined;
    }
    job.message = message;
    const { compress, payload } = message;
    if (windowBits === undefined || !isDeflated(payload.byteLength, compress)) return message;
    job.isPacking = true;
    void toPacked(chunk, message, windowBits).then((packed) => {
      job.message = packed;
      job.isPacking = false;
      this.#host.packed();
    });
    return undefined;
  }

  /**
   * Writes the next fragment of a message.
   *
   * @param maxBytes - what it is cut to
   * @returns its wire bytes, those of its payload, and whether it is the last
   */
  writePart(
    job: Job,
    message: Message,
    maxBytes: number,
  ): { bytes: number; payloadBytes: number; isLast: boolean } | undefined {
    const { binary, compress, isPacked, lease, payload, payloadBytes } = message;
    const { offset } = job;
    if (payload.byteLength < payloadBytes) {
      this.#host.fail(wrongChunk(payload));
      return undefined;
    }
    const part = payload.subarray(offset, offset + maxBytes);
    job.offset += part.byteLength;
    const isLast = job.offset === payloadBytes;
    const first = firstByte(binary, offset > 0, isLast) | (isPacked && offset === 0 ? PACKED : 0);
    const bytes = this.#wire.send(first, part, lease, compress);
    return { bytes, payloadBytes: part.byteLength, isLast };
  }

  /** Whether a message leaves in one frame, and at once: large ones are compressed on another thread. */
  #isWhole(byteLength: number, compress: boolean | undefined): boolean {
    if (byteLength > this.fragmentBytes) return false;
    if (byteLength <= MAX_COPY || this.#wire.windowBits === undefined) return true;
    return !isDeflated(byteLength, compress);
  }
}

/** A message as it is sent to a peer that takes some texts for control messages. */
function escaped(chunk: MessageChunk): MessageChunk {
  if (typeof chunk === "string") return escapeText(chunk);
  const isText = chunk instanceof Frame && chunk.type === "text";
  if (!isText || chunk.payload[0] !== MARK_BYTE || chunk.lease?.isOver) return chunk;
  return escapeText(new TextDecoder().decode(chunk.payload));
}
