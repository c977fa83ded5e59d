import { MARK_BYTE } from "@spillway/streams/protocol";
import { Frame } from "../frame.ts";
import { MAX_COPY } from "./batch.ts";

/** Wire bytes of messages that leave in one piece. */
export const MAX_RUN = 131_072;

/** What a run may be, in all. */
export interface RunBounds {
  /** On the wire; at most {@link MAX_RUN} counts. */
  readonly bytes: number;
  /** Of payload, uncompressed. */
  readonly payloadBytes?: number;
  readonly messages?: number;
}

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
 * @returns `undefined` unless two fit, are small frames that all peers are sent the same way, and nobody wants
 * their buffers back
 */
export function encodedRun(
  chunks: readonly unknown[],
  windowBits: number | undefined,
  bounds: RunBounds,
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
  return frames.first(bounds);
}

/** Some messages, and pieces that were made of the first of them. */
class Frames {
  readonly #chunks: readonly unknown[];
  readonly #windowBits: number | undefined;
  readonly #frames: Uint8Array[] = [];
  /** Where each ends, on the wire and in payload. */
  readonly #ends: number[] = [];
  readonly #payloadEnds: number[] = [];
  readonly #runs = new Map<number, Run>();

  constructor(chunks: readonly unknown[], windowBits: number | undefined) {
    this.#chunks = chunks;
    this.#windowBits = windowBits;
  }

  first(bounds: RunBounds): Run | undefined {
    if (bounds.messages !== undefined && bounds.messages < 2) return undefined;
    this.#encode(bounds);
    let messages = this.#frames.length;
    if (!this.#fit(messages, bounds)) {
      // Powers of two: so that those who have room for some more still share it.
      messages = 1;
      while (this.#fit(2 * messages, bounds)) messages *= 2;
    }
    if (messages < 2) return undefined;
    let run = this.#runs.get(messages);
    if (!run) {
      const payloadBytes = this.#payloadEnds[messages - 1] as number;
      run = { messages, payloadBytes, bytes: Buffer.concat(this.#frames.slice(0, messages)) };
      this.#runs.set(messages, run);
    }
    return run;
  }

  /** Whether the first so many are there, and within bounds. */
  #fit(count: number, { bytes, payloadBytes = Infinity, messages = Infinity }: RunBounds): boolean {
    const end = this.#ends[count - 1];
    const payloadEnd = this.#payloadEnds[count - 1];
    if (end === undefined || payloadEnd === undefined || count > messages) return false;
    return end <= Math.min(bytes, MAX_RUN) && payloadEnd <= payloadBytes;
  }

  /** Encodes what there is room for, and at most one more: what is not sent might yet be dropped. */
  #encode(bounds: RunBounds): void {
    while (this.#frames.length === 0 || this.#fit(this.#frames.length, bounds)) {
      const chunk = this.#chunks[this.#frames.length];
      if (!(chunk instanceof Frame) || !isSameForAll(chunk)) break;
      const frame = chunk.encoding.forWindow(this.#windowBits, chunk.compress);
      this.#ends.push((this.#ends.at(-1) ?? 0) + frame.byteLength);
      this.#payloadEnds.push((this.#payloadEnds.at(-1) ?? 0) + chunk.byteLength);
      this.#frames.push(frame);
    }
  }
}

/** Whether it is small, nobody wants it back, and no peer could take it for a control message. */
function isSameForAll({ byteLength, lease, payload, type }: Frame): boolean {
  if (lease || byteLength > MAX_COPY) return false;
  return type === "binary" || payload[0] !== MARK_BYTE;
}

function forget(): void {
  encoded.clear();
}
