import { unreadable } from "./kind.ts";

/**
 * Yields where each NAL unit of an access unit starts, in either form: after start codes (Annex B)
 * or after lengths of `lengthBytes` bytes (ISO/IEC 14496-15). Without `lengthBytes` the bytes tell:
 * Annex B opens an access unit with four bytes, 0 0 0 1; three (0 0 1) may be a length of 256 to
 * 511 as well, so then lengths are believed if they fit the frame exactly.
 *
 * It looks no further than asked, so the caller that has seen enough spares the slices' bytes.
 */
export function nalUnits(bytes: Uint8Array, lengthBytes?: number): Iterable<number> {
  if (lengthBytes !== undefined) return lengthPrefixed(bytes, lengthBytes);
  const isAnnexB = bigEndian(bytes, 0, 4) === 1 || !hasLengths(bytes);
  return isAnnexB ? startCoded(bytes) : lengthPrefixed(bytes, 4);
}

function hasLengths(bytes: Uint8Array): boolean {
  let at = 0;
  while (at + 4 < bytes.length) {
    const length = bigEndian(bytes, at, 4);
    if (length === 0) return false;
    at += 4 + length;
  }
  return at === bytes.length;
}

function* lengthPrefixed(bytes: Uint8Array, lengthBytes: number): Generator<number> {
  let at = 0;
  while (at < bytes.length) {
    const start = at + lengthBytes;
    const length = bigEndian(bytes, at, lengthBytes);
    if (length === 0 || start + length > bytes.length) {
      const rest = Math.max(0, bytes.length - start);
      throw unreadable(`a NAL unit has ${length} bytes, and ${rest} are left`);
    }
    yield start;
    at = start + length;
  }
}

function bigEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index++) value = value * 256 + (bytes[index] ?? 0);
  return value;
}

function* startCoded(bytes: Uint8Array): Generator<number> {
  let at = nextStartCode(bytes, 0);
  if (at === bytes.length || bytes.subarray(0, at).some((byte) => byte !== 0)) {
    throw unreadable("its NAL units have neither start codes nor lengths that fit");
  }
  while (at < bytes.length) {
    const start = at + 3;
    if (start >= bytes.length) throw unreadable("a NAL unit has 0 bytes");
    yield start;
    at = nextStartCode(bytes, start);
  }
}

/** Where the next 0 0 1 is, or the end. */
function nextStartCode(bytes: Uint8Array, from: number): number {
  let one = bytes.indexOf(1, from + 2);
  while (one >= 0 && (bytes[one - 1] !== 0 || bytes[one - 2] !== 0)) {
    one = bytes.indexOf(1, one + 1);
  }
  return one < 0 ? bytes.length : one - 2;
}
