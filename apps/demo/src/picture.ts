/** One encoded picture, as it travels on `/streams/video`. Runs on Node and in the page. */
export interface Picture {
  /** The source's number; a gap is a drop. An unsigned 32-bit number that wraps around. */
  readonly sequence: number;
  /** Can be decoded without the ones before it. */
  readonly key: boolean;
  /** Which quality it has; 0 is the least. */
  readonly layer: number;
  /** When the source gave it out, in milliseconds since the Unix epoch. */
  readonly publishedAt: number;
  /** The VP8 frame, not copied by {@link decodePicture}. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Bytes before the payload of every message, all numbers big-endian. */
const PICTURE_HEADER_BYTES = 16;

const VERSION = 1;
const FLAG_KEY = 1;

/**
 * Makes the message for one picture: `u8` version, `u8` flags (bit 0 keyframe), `u16` layer, `u32`
 * sequence, `f64` publish time, then the payload.
 *
 * @returns a message that shares no memory with the picture
 */
export function encodePicture(picture: Picture): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(PICTURE_HEADER_BYTES + picture.payload.byteLength);
  const header = new DataView(message.buffer);
  header.setUint8(0, VERSION);
  header.setUint8(1, picture.key ? FLAG_KEY : 0);
  header.setUint16(2, picture.layer);
  header.setUint32(4, picture.sequence);
  header.setFloat64(8, picture.publishedAt);
  message.set(picture.payload, PICTURE_HEADER_BYTES);
  return message;
}

/**
 * Reads what {@link encodePicture} made. Flags this version does not know are ignored.
 *
 * @param message - the whole message; the picture's payload is a view of it
 * @throws `RangeError` when the message is shorter than its header or of another version
 */
export function decodePicture(message: Uint8Array<ArrayBuffer>): Picture {
  if (message.byteLength < PICTURE_HEADER_BYTES) {
    throw new RangeError(
      `Cannot decode picture: got ${message.byteLength} bytes, want at least ${PICTURE_HEADER_BYTES}`,
    );
  }
  const { buffer, byteOffset } = message;
  const header = new DataView(buffer, byteOffset);
  const version = header.getUint8(0);
  if (version !== VERSION) {
    throw new RangeError(`Cannot decode picture: got version ${version}, want ${VERSION}`);
  }
  return {
    sequence: header.getUint32(4),
    key: (header.getUint8(1) & FLAG_KEY) !== 0,
    layer: header.getUint16(2),
    publishedAt: header.getFloat64(8),
    payload: message.subarray(PICTURE_HEADER_BYTES),
  };
}
