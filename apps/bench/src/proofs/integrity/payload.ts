import { createCipheriv } from "node:crypto";
import { frame, type FrameOptions, type MessageChunk } from "@spillway/websocket";
import type { PlannedMessage } from "./plan.ts";

/** Compressed once for all, where that is agreed on. */
const PREPARED: FrameOptions & { readonly compress: boolean } = { compress: true };

/** The payload on the wire: random, and the same for the same seed and message. */
export function payloadOf(seed: number, { number, type, bytes }: PlannedMessage): Buffer {
  const noise = keystream(seed, number, bytes);
  if (type === "text") return toUtf8(noise);
  // Every other one is of few different bytes: what shrinks when it is compressed.
  if (number % 2 === 0) for (let at = 0; at < noise.length; at++) noise[at] = byteAt(noise, at) & 3;
  return noise;
}

/** A chunk with that payload, in each of the forms that a writable takes. */
export function chunkOf(
  { number, type, isPrepared }: PlannedMessage,
  payload: Buffer,
): MessageChunk {
  if (isPrepared) return frame(type === "text" ? payload.toString() : payload, PREPARED);
  if (type === "text") return payload.toString();
  if (number % 3 === 0) return payload;
  const { buffer } = new Uint8Array(payload);
  return number % 3 === 1 ? buffer : new DataView(buffer);
}

/** A stream cipher is the fastest random there is, and knows no platform. */
function keystream(seed: number, number: number, bytes: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(seed);
  const iv = Buffer.alloc(16);
  iv.writeUInt32BE(number);
  return createCipheriv("aes-128-ctr", key, iv).update(Buffer.alloc(bytes));
}

/** The smallest and largest code points of each length, and what is easily taken for something else. */
const SPECIAL = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xffff, 0x1_0000];
const SURROGATES = { first: 0xd800, count: 0x800 };

/** Turns random bytes into as many bytes of valid UTF-8, of characters of every length. */
function toUtf8(noise: Buffer): Buffer {
  const text = Buffer.allocUnsafeSlow(noise.length);
  for (let at = 0; at < text.length;) {
    const left = text.length - at;
    const choice = byteAt(noise, at);
    // Half of it is ASCII, as text mostly is, and so is an end that is too short for anything else.
    const point = left < 4 || choice < 0x80 ? choice & 0x7f : codePoint(noise, at, choice);
    at += writeUtf8(text, at, point);
  }
  return text;
}

/** Any but a surrogate; each length as likely as the others. */
function codePoint(noise: Buffer, at: number, choice: number): number {
  const random =
    (byteAt(noise, at + 1) << 16) | (byteAt(noise, at + 2) << 8) | byteAt(noise, at + 3);
  const kind = choice & 3;
  if (kind === 0) return SPECIAL[random % SPECIAL.length] as number;
  if (kind === 1) return 0x80 + (random % 0x780);
  if (kind === 3) return 0x1_0000 + (random % 0x10_0000);
  const point = 0x800 + (random % (0xf800 - SURROGATES.count));
  return point < SURROGATES.first ? point : point + SURROGATES.count;
}

/** @returns how many bytes it takes */
function writeUtf8(into: Buffer, at: number, point: number): number {
  const length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  if (length === 1) {
    into[at] = point;
    return 1;
  }
  into[at] = (0xf00 >> length) | (point >> (6 * (length - 1)));
  for (let rest = 1; rest < length; rest++) {
    into[at + rest] = 0x80 | ((point >> (6 * (length - 1 - rest))) & 0x3f);
  }
  return length;
}

function byteAt(bytes: Buffer, index: number): number {
  return bytes[index] as number;
}
