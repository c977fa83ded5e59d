import { MARK_BYTE } from "@spillway/streams/protocol";
import { Frame } from "../frame.ts";
import { MAX_COPY } from "./batch.ts";

/** Wire bytes of messages that leave in one piece. */
export const MAX_RUN = 131_072;

/** The first of some messages, as many as fit. */
export interface Run {
  readonly messages: number;
  /** Bytes of their payload, uncompressed. */
  readonly payloadBytes: number;
  /** Their frames, side by side. */
  readonly bytes: Uint8Array;
}

/** By what a peer has agreed to compress with, if with anything. */
type Encoded = Map<number | undefined, Frames>;

/** What was encoded in this turn: all connections of a hub are given the same. */
const encoded = new Map<readonly unknown[], Encoded>();

/**
 * Encodes messages side by side, once for all connections that are given the same array and have room
 * for as much.
 *
 * @param maxBytes - at most {@link MAX_RUN} counts
 * @returns `undefined` unless two fit, are small frames that all peers are sent the same way, and nobody wants
 * their buffers back
 */
export function encodedRun(
  chunks: readonly unknown[],
  windowBits: number | undefined,
  maxBytes: number,
  maxMessages: number = Infinity,
): Run | undefined {
  if (!(chunks[0] instanceof Frame)) return undefined;
  let byWindow = encoded.get(chunks);
  if (!byWindow) {
    // Forgotten with the turn: it would keep memory of nobody's.
    if (encoded.size === 0) setImmediate(forget);
    byWindow = new Map();
    encoded.set(chunks, byWindow);
  }
  let frames = byWindow.get(windowBits);
  if (!frames) {
    frames = new Frames(chunks, windowBits);
    byWindow.set(windowBits, frames);
  }
  return frames.first(Math.min(maxBytes, MAX_RUN), maxMessages);
}

/** Some messages, and pieces that were made of the first of them. */
class Frames {
  readonly #chunks: readonly unknown[];
  readonly #windowBits: number | undefined;
  readonly #frames: Uint8Array[] = [];
  /** Where each ends. */
  readonly #ends: number[] = [];
  readonly #runs = new Map<number, Run>();

  constructor(chunks: readonly unknown[], windowBits: number | undefined) {
    this.#chunks = chunks;
    this.#windowBits = windowBits;
  }

  first(maxBytes: number, maxMessages: number): Run | undefined {
    const end = this.#encode(maxBytes);
    let messages = this.#frames.length;
    if (end > maxBytes || messages > maxMessages) {
      // Powers of two: so that those who have room for some more still share it.
      messages = 1;
      const fits = (next: number): boolean =>
        next <= maxMessages && (this.#ends[next - 1] as number) <= maxBytes;
      while (fits(2 * messages)) messages *= 2;
    }
    if (messages < 2) return undefined;
    let run = this.#runs.get(messages);
    if (!run) {
      const bytes = Buffer.concat(this.#frames.slice(0, messages));
      run = { messages, payloadBytes: this.#payloadBytes(messages), bytes };
      this.#runs.set(messages, run);
    }
    return run;
  }

  #payloadBytes(messages: number): number {
    const chunks = this.#chunks.slice(0, messages) as readonly Frame[];
    return chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Encodes what there is room for, and at most one more: what is not sent might yet be dropped. */
  #encode(maxBytes: number): number {
    let end = this.#ends.at(-1) ?? 0;
    while (end <= maxBytes) {
      const chunk = this.#chunks[this.#frames.length];
      if (!(chunk instanceof Frame) || !isShared(chunk)) break;
      const frame = chunk.encoding.forWindow(this.#windowBits, chunk.compress);
      end += frame.byteLength;
      this.#frames.push(frame);
      this.#ends.push(end);
    }
    return end;
  }
}

/** Whether it is small, nobody wants it back, and no peer could take it for a control message. */
function isShared({ byteLength, lease, payload, type }: Frame): boolean {
  if (lease || byteLength > MAX_COPY) return false;
  return type === "binary" || payload[0] !== MARK_BYTE;
}

function forget(): void {
  encoded.clear();
}
