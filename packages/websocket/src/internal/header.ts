/** Bits of the first byte of a frame, RFC 6455 section 5.2. */
export const FIN = 0x80;
/** RSV1: the message is compressed, RFC 7692 section 7.2.3.1. */
export const PACKED = 0x40;
export const OPCODE = 0x0f;
const CONTINUATION = 0x0;
export const TEXT = 0x1;
export const BINARY = 0x2;
export const PING = 0x9;

/** Bytes of the header of an unmasked frame. */
export function headerBytes(payloadBytes: number): number {
  return payloadBytes < 126 ? 2 : payloadBytes < 65_536 ? 4 : 10;
}

/** Bytes of an unmasked frame with its header. */
export function wireBytes(payloadBytes: number): number {
  return payloadBytes + headerBytes(payloadBytes);
}

/** The first byte of a message's frame, or of a fragment. */
export function firstByte(binary: boolean, continues: boolean, fin: boolean): number {
  const opcode = continues ? CONTINUATION : binary ? BINARY : TEXT;
  return fin ? FIN | opcode : opcode;
}

/** Writes the header of an unmasked frame; gives the offset behind it. */
export function writeHeader(
  target: Buffer,
  offset: number,
  first: number,
  payloadBytes: number,
): number {
  target[offset] = first;
  if (payloadBytes < 126) {
    target[offset + 1] = payloadBytes;
    return offset + 2;
  }
  if (payloadBytes < 65_536) {
    target[offset + 1] = 126;
    target[offset + 2] = payloadBytes >> 8;
    target[offset + 3] = payloadBytes & 0xff;
    return offset + 4;
  }
  target[offset + 1] = 127;
  return target.writeBigUInt64BE(BigInt(payloadBytes), offset + 2);
}
