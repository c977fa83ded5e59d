import { SpillwayError } from "@spillway/streams";

/** One frame of an IVF file. */
export interface IvfFrame {
  /** The encoded frame; its memory is its own. */
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly timestampMs: number;
  /** A keyframe, which decodes without the ones before it. */
  readonly key: boolean;
  readonly width: number;
  readonly height: number;
}

/** The largest frame taken; a VP8 keyframe of 4K video is a tenth of it. */
const MAX_FRAME_BYTES = 4 << 20;
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 12;

interface IvfHeader {
  readonly width: number;
  readonly height: number;
  readonly millisecondsPerTick: number;
}

/**
 * Reads the frames of a VP8 video in IVF while it arrives.
 *
 * Backpressure: reads on only when the next frame is asked for, and holds one frame.
 *
 * @param bytes - the file, cut anywhere; given up (`return()`) when the reader stops early
 * @throws {@link SpillwayError} with `SPW_ERR_SOURCE` when the input is not IVF, not VP8 or cut short
 * @see https://datatracker.ietf.org/doc/html/rfc6386#section-9.1
 */
export async function* readIvf(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<IvfFrame, void, undefined> {
  const input = new ByteReader(bytes);
  try {
    const { width, height, millisecondsPerTick } = await readHeader(input);
    for (let index = 0; ; index++) {
      const head = await input.take(FRAME_HEADER_BYTES);
      if (head.byteLength === 0) return;
      if (head.byteLength < FRAME_HEADER_BYTES) throw truncated(`the header of frame ${index}`);
      const view = new DataView(head.buffer);
      const size = view.getUint32(0, true);
      if (size === 0 || size > MAX_FRAME_BYTES) {
        throw refused(`frame ${index} has ${size} bytes, want 1 to ${MAX_FRAME_BYTES}`);
      }
      const payload = await input.take(size);
      if (payload.byteLength < size) {
        throw truncated(`frame ${index}: got ${payload.byteLength} of ${size} bytes`);
      }
      const timestampMs = Number(view.getBigUint64(4, true)) * millisecondsPerTick;
      // The first bit of a VP8 frame tag is 0 in keyframes.
      const key = ((payload[0] ?? 1) & 1) === 0;
      yield { payload, timestampMs, key, width, height };
    }
  } finally {
    await input.cancel();
  }
}

async function readHeader(input: ByteReader): Promise<IvfHeader> {
  const head = await input.take(HEADER_BYTES);
  const signature = text(head.subarray(0, 4));
  if (signature !== "DKIF") throw refused(`it starts with "${signature}", want "DKIF"`);
  if (head.byteLength < HEADER_BYTES) throw truncated("the file header");
  const view = new DataView(head.buffer);
  const version = view.getUint16(4, true);
  if (version !== 0) throw refused(`it has version ${version}, want 0`);
  const headerBytes = view.getUint16(6, true);
  if (headerBytes < HEADER_BYTES) {
    throw refused(`it says its header has ${headerBytes} bytes, want at least ${HEADER_BYTES}`);
  }
  const codec = text(head.subarray(8, 12));
  if (codec !== "VP80") throw refused(`its codec is "${codec}", want "VP80"`);
  const [width, height] = [view.getUint16(12, true), view.getUint16(14, true)];
  if (width === 0 || height === 0) throw refused(`its pictures are ${width} × ${height}`);
  const [rate, scale] = [view.getUint32(16, true), view.getUint32(20, true)];
  if (rate === 0 || scale === 0) throw refused(`its time base is ${scale}/${rate} s`);
  const rest = await input.take(headerBytes - HEADER_BYTES);
  if (rest.byteLength < headerBytes - HEADER_BYTES) throw truncated("the file header");
  return { width, height, millisecondsPerTick: (scale * 1000) / rate };
}

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes).replaceAll(/[^ -~]/gu, "?");
}

function refused(what: string): SpillwayError {
  return new SpillwayError("SPW_ERR_SOURCE", `Cannot read IVF video: ${what}`);
}

function truncated(where: string): SpillwayError {
  return refused(`the input ends in ${where}`);
}

/** Hands out exact counts of bytes from chunks of any size. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunks: Uint8Array[] = [];
  #length = 0;
  #ended = false;

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#source = bytes[Symbol.asyncIterator]();
  }

  /** The next `count` bytes in memory of their own, fewer where the input ends. */
  async take(count: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#length < count && !this.#ended) {
      const next = await this.#source.next();
      if (next.done) this.#ended = true;
      else {
        this.#chunks.push(next.value);
        this.#length += next.value.byteLength;
      }
    }
    const taken = new Uint8Array(Math.min(count, this.#length));
    let filled = 0;
    let used = 0;
    for (const chunk of this.#chunks) {
      const part = chunk.subarray(0, taken.byteLength - filled);
      taken.set(part, filled);
      filled += part.byteLength;
      if (part.byteLength < chunk.byteLength) {
        this.#chunks[used] = chunk.subarray(part.byteLength);
        break;
      }
      used++;
    }
    this.#chunks = this.#chunks.slice(used);
    this.#length -= filled;
    return taken;
  }

  async cancel(): Promise<void> {
    if (!this.#ended) await this.#source.return?.();
  }
}
