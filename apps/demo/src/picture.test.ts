import { describe, expect, test } from "vitest";
import { decodePicture, encodePicture, type Picture } from "./picture.ts";

const picture: Picture = {
  sequence: 0x01_02_03_04,
  key: true,
  layer: 0x0506,
  publishedAt: 1_700_000_000_000.25,
  payload: Uint8Array.of(0xaa, 0xbb, 0xcc),
};

// The publish time is the IEEE 754 double 0x4278bcfe56800400.
const bytes = Uint8Array.from(Buffer.from("01010506010203044278bcfe56800400aabbcc", "hex"));

describe("encodePicture()", () => {
  test("writes the header big-endian and the payload after it, to the byte", () => {
    expect(encodePicture(picture)).toEqual(bytes);
  });

  test("leaves the keyframe flag out of a delta", () => {
    expect(encodePicture({ ...picture, key: false })[1]).toBe(0);
  });

  test("wraps a sequence past 32 bits", () => {
    const wrapped = encodePicture({ ...picture, sequence: 2 ** 32 + 7 });
    expect(wrapped.slice(4, 8)).toEqual(Uint8Array.of(0, 0, 0, 7));
  });

  test("copies the payload", () => {
    const payload = Uint8Array.of(1, 2, 3);
    const message = encodePicture({ ...picture, payload });
    payload.fill(9);
    expect(message.slice(16)).toEqual(Uint8Array.of(1, 2, 3));
  });
});

describe("decodePicture()", () => {
  test("reads back what was written", () => {
    expect(decodePicture(bytes)).toEqual(picture);
  });

  test("keeps the highest sequence unsigned", () => {
    const { buffer } = encodePicture({ ...picture, sequence: 0xff_ff_ff_ff });
    expect(decodePicture(new Uint8Array(buffer)).sequence).toBe(4_294_967_295);
  });

  test("takes a picture without a payload and ignores flags it does not know", () => {
    const header = bytes.slice(0, 16);
    header[1] = 0b1111_1110;
    const { key, payload } = decodePicture(new Uint8Array(header.buffer));
    expect(key).toBe(false);
    expect(payload.byteLength).toBe(0);
  });

  test("refuses a message shorter than the header", () => {
    expect(() => decodePicture(bytes.slice(0, 15))).toThrow(
      new RangeError("Cannot decode picture: got 15 bytes, want at least 16"),
    );
  });

  test("refuses another version", () => {
    const other = bytes.slice();
    other[0] = 2;
    expect(() => decodePicture(new Uint8Array(other.buffer))).toThrow(
      new RangeError("Cannot decode picture: got version 2, want 1"),
    );
  });
});
