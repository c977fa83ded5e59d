import { type FrameReader, unreadable } from "./kind.ts";

const TAG_BYTES = 3;
const START_CODE = [0x9d, 0x01, 0x2a];
const LOOP_FILTER_DELTAS = 8;

/**
 * Reads the kind of VP8 frames: the tag tells keyframes, the header in the first partition tells
 * whether an interframe leaves anything behind.
 *
 * @see https://datatracker.ietf.org/doc/html/rfc6386#section-9.1
 */
export function vp8(): FrameReader {
  // Encoders repeat them in each frame, in case one was lost; only a change leaves something behind.
  const deltas = new Uint8Array(LOOP_FILTER_DELTAS);
  return (bytes) => {
    const [first = 0, second = 0, third = 0] = bytes;
    const isKey = (first & 1) === 0;
    if (isKey && START_CODE.some((byte, index) => bytes[TAG_BYTES + index] !== byte)) {
      throw unreadable("a VP8 keyframe without its start code");
    }
    // A keyframe's start code and size stand before the partition.
    const start = isKey ? TAG_BYTES + 7 : TAG_BYTES;
    const end = start + ((first | (second << 8) | (third << 16)) >> 5);
    if (end === start || end > bytes.length) {
      const size = `${bytes.length} bytes`;
      throw unreadable(`its first partition is at bytes ${start} to ${end}, and it has ${size}`);
    }
    if (isKey) deltas.fill(0);
    const lasts = readHeader(new BoolDecoder(bytes.subarray(start, end)), isKey, deltas);
    if (isKey) return "key";
    return lasts ? "delta" : "droppable";
  };
}

/**
 * Whether an interframe changes what a later one reads. That is more than the three references:
 * probabilities, segments and the loop filter's deltas last until changed.
 *
 * @see https://datatracker.ietf.org/doc/html/rfc6386#section-19.2
 */
function readHeader(header: BoolDecoder, isKey: boolean, deltas: Uint8Array): boolean {
  const skip = (count: number, width: number): void => {
    for (let left = count; left > 0; left--) if (header.flag()) header.bits(width);
  };
  let lasts = false;
  if (isKey) header.bits(1 + 1); // color space, clamping
  const hasSegments = header.flag();
  if (hasSegments) {
    const updatesMap = header.flag();
    const updatesFeatures = header.flag();
    if (updatesFeatures) {
      header.flag();
      skip(4, 7 + 1); // quantizers
      skip(4, 6 + 1); // loop filter levels
    }
    if (updatesMap) skip(3, 8);
    lasts ||= updatesMap || updatesFeatures;
  }
  header.bits(1 + 6 + 3); // loop filter of this frame alone: type, level, sharpness
  if (header.flag() && header.flag()) {
    for (let index = 0; index < LOOP_FILTER_DELTAS; index++) {
      if (!header.flag()) continue;
      const delta = header.bits(6 + 1);
      lasts ||= delta !== deltas[index];
      deltas[index] = delta;
    }
  }
  if (isKey) return true;
  header.bits(2 + 7); // number of partitions, quantizer
  skip(5, 4 + 1);
  const refreshesGolden = header.flag();
  const refreshesAlternate = header.flag();
  lasts ||= refreshesGolden || refreshesAlternate;
  if (!refreshesGolden) lasts = header.bits(2) !== 0 || lasts; // a copy to golden
  if (!refreshesAlternate) lasts = header.bits(2) !== 0 || lasts; // a copy to the alternate
  header.bits(1 + 1); // sign biases of this frame alone
  const refreshesProbabilities = header.flag();
  const refreshesLast = header.flag();
  return lasts || refreshesProbabilities || refreshesLast;
}

/**
 * The boolean entropy decoder, for bits of even probability: all that a header is made of.
 *
 * @see https://datatracker.ietf.org/doc/html/rfc6386#section-7.3
 */
class BoolDecoder {
  readonly #bytes: Uint8Array;
  #next = 2;
  #value: number;
  #range = 255;
  #shifts = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const [first = 0, second = 0] = bytes;
    this.#value = (first << 8) | second;
  }

  bits(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left--) value = value * 2 + Number(this.flag());
    return value;
  }

  flag(): boolean {
    const split = 1 + ((this.#range - 1) >> 1);
    const isSet = this.#value >= split << 8;
    if (isSet) this.#value -= split << 8;
    this.#range = isSet ? this.#range - split : split;
    while (this.#range < 128) {
      this.#range <<= 1;
      this.#value <<= 1;
      if (++this.#shifts % 8 === 0) {
        // An encoder may leave out what is zero at the end.
        this.#value |= this.#bytes[this.#next++] ?? 0;
      }
    }
    return isSet;
  }
}
