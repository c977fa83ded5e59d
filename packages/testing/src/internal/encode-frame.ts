import { randomFillSync } from "node:crypto";

/** The fields of one frame, none of them checked for being legal. */
export interface FrameFields {
  readonly opcode: number;
  readonly payload: Uint8Array;
  readonly fin: boolean;
  readonly mask: boolean;
  /** RSV1 to RSV3 as three bits: 0b100 is RSV1. */
  readonly rsv: number;
}

/** @see https://www.rfc-editor.org/rfc/rfc6455#section-5.2 */
export function encodeFrame({ opcode, payload, fin, mask, rsv }: FrameFields): Uint8Array {
  const length = payload.byteLength;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const headerBytes = 2 + lengthBytes + (mask ? 4 : 0);
  const bytes = new Uint8Array(headerBytes + length);
  const view = new DataView(bytes.buffer);

  bytes[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  bytes[1] = (mask ? 0x80 : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) view.setUint16(2, length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(length));
  bytes.set(payload, headerBytes);
  if (mask) {
    const key = randomFillSync(bytes.subarray(headerBytes - 4, headerBytes));
    const body = bytes.subarray(headerBytes);
    for (let at = 0; at < length; at += 1) body[at] = (body[at] ?? 0) ^ (key[at & 3] ?? 0);
  }
  return bytes;
}
