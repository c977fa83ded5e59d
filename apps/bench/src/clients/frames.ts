const OPCODE = 0x0f;
const FIN = 0x80;
const RSV1 = 0x40;
/** Of the longest header a server sends: it does not mask. */
const MAX_HEADER = 10;

/** What a {@link FrameCounter} finds, beside what it counts. */
export interface FrameListener {
  /** A whole control frame. */
  control(opcode: number, payload: Uint8Array): void;
  /** The start of a message: the bytes from `start` to `end` are at hand, perhaps not all of it. */
  begin?(bytes: Uint8Array, start: number, end: number): void;
  /** A piece of the payload of a message. */
  piece?(bytes: Uint8Array): void;
  /** A message has ended. */
  message?(): void;
  /** One that does not count has ended, of so many bytes. */
  other?(bytes: number): void;
}

/**
 * Counts the messages a server sends. It hops from header to header, so that a client costs little
 * beside what it measures.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-5.2
 */
export class FrameCounter {
  /** Whole messages of the size that counts. */
  messages = 0;
  /** The same since the connection opened. */
  total = 0;
  /** Payload bytes of messages, of those under way too. */
  bytes = 0;
  /** Messages that came compressed. */
  compressed = 0;
  /** Payload bytes of what counts as a message; 0 for any. */
  readonly #messageBytes: number;
  readonly #listener: FrameListener;
  readonly #header = new Uint8Array(MAX_HEADER);
  #headerBytes = 0;
  #opcode = 0;
  #fin = true;
  /** Payload bytes of this frame that are still to come. */
  #left = 0;
  /** Payload bytes of this message so far. */
  #length = 0;
  /** Of a control frame. */
  #control: number[] = [];

  constructor(messageBytes: number, listener: FrameListener) {
    this.#messageBytes = messageBytes;
    this.#listener = listener;
  }

  /** Starts counting anew; a message under way goes on. */
  reset(): void {
    this.messages = 0;
    this.bytes = 0;
    this.compressed = 0;
  }

  /** Takes the bytes from `start` to `end`. */
  take(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.#left > 0) {
        const upTo = Math.min(at + this.#left, end);
        this.#payload(bytes, at, upTo);
        at = upTo;
        continue;
      }
      // Whole and not begun in the bytes before: no need to collect it.
      const isWhole = this.#headerBytes === 0 && end - at >= MAX_HEADER;
      const header = isWhole ? bytes : this.#header;
      const from = isWhole ? at : 0;
      if (isWhole) at += headerLength(bytes[at + 1] as number);
      else {
        this.#header[this.#headerBytes++] = bytes[at++] as number;
        if (this.#headerBytes < 2) continue;
        if (this.#headerBytes < headerLength(this.#header[1] as number)) continue;
        this.#headerBytes = 0;
      }
      this.#begin(header, from, bytes, at, end);
    }
  }

  #begin(header: Uint8Array, from: number, bytes: Uint8Array, at: number, end: number): void {
    const first = header[from] as number;
    this.#opcode = first & OPCODE;
    this.#fin = (first & FIN) !== 0;
    this.#left = payloadLength(header, from);
    if (this.#opcode < 8) {
      if (this.#opcode !== 0) {
        this.#length = 0;
        if ((first & RSV1) !== 0) this.compressed++;
        this.#listener.begin?.(bytes, at, Math.min(end, at + this.#left));
      }
      this.#length += this.#left;
    }
    if (this.#left === 0) this.#frameEnded();
  }

  #payload(bytes: Uint8Array, from: number, to: number): void {
    this.#left -= to - from;
    if (this.#opcode >= 8) this.#control.push(...bytes.subarray(from, to));
    else {
      this.bytes += to - from;
      this.#listener.piece?.(bytes.subarray(from, to));
    }
    if (this.#left === 0) this.#frameEnded();
  }

  #frameEnded(): void {
    if (this.#opcode >= 8) {
      this.#listener.control(this.#opcode, Uint8Array.from(this.#control));
      this.#control = [];
    } else if (this.#fin) {
      if (this.#messageBytes === 0 || this.#length === this.#messageBytes) {
        this.messages++;
        this.total++;
      } else {
        this.bytes -= this.#length;
        this.#listener.other?.(this.#length);
      }
      this.#listener.message?.();
    }
  }
}

function headerLength(second: number): number {
  const length = second & 0x7f;
  return length < 126 ? 2 : length === 126 ? 4 : 10;
}

function payloadLength(header: Uint8Array, from: number): number {
  const length = (header[from + 1] as number) & 0x7f;
  if (length < 126) return length;
  if (length === 126) return ((header[from + 2] as number) << 8) | (header[from + 3] as number);
  let long = 0;
  for (let at = from + 2; at < from + 10; at++) long = long * 256 + (header[at] as number);
  return long;
}

/** A frame as a client sends it; the mask is of zeros, which is allowed and costs nothing. */
export function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  const { byteLength } = payload;
  const isShort = byteLength < 126;
  const frame = Buffer.alloc((isShort ? 6 : 8) + byteLength);
  frame[0] = FIN | opcode;
  frame[1] = 0x80 | (isShort ? byteLength : 126);
  if (!isShort) frame.writeUInt16BE(byteLength, 2);
  frame.set(payload, frame.byteLength - byteLength);
  return frame;
}

/** The header of an unmasked, unfragmented binary frame. */
export function serverHeader(payloadBytes: number): Buffer {
  if (payloadBytes < 126) return Buffer.from([0x82, payloadBytes]);
  if (payloadBytes < 65_536) {
    return Buffer.from([0x82, 126, payloadBytes >> 8, payloadBytes & 0xff]);
  }
  const header = Buffer.alloc(10);
  header.set([0x82, 127]);
  header.writeBigUInt64BE(BigInt(payloadBytes), 2);
  return header;
}
