import { describe, expect, test } from "vitest";
import { encodeFrame } from "./encode-frame.ts";

const plain = { opcode: 2, fin: true, mask: false, rsv: 0 };

describe("encodeFrame()", () => {
  test.each([
    [0, [0x82, 0]],
    [125, [0x82, 125]],
    [126, [0x82, 126, 0, 126]],
    [65_535, [0x82, 126, 0xff, 0xff]],
    [65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ])("writes the shortest header for %i bytes", (length, header) => {
    const frame = encodeFrame({ ...plain, payload: new Uint8Array(length) });
    expect(frame.byteLength).toBe(header.length + length);
    expect([...frame.subarray(0, header.length)]).toEqual(header);
  });

  test("writes every bit as asked", () => {
    const payload = new Uint8Array(0);
    expect(encodeFrame({ ...plain, payload, fin: false, opcode: 15, rsv: 0b101 })[0]).toBe(0x5f);
  });

  test("masks with the key it writes", () => {
    const payload = Uint8Array.from({ length: 300 }, (_, index) => index & 0xff);
    const frame = encodeFrame({ ...plain, payload, mask: true });
    expect([...frame.subarray(0, 4)]).toEqual([0x82, 0x80 | 126, 1, 44]);
    const key = frame.subarray(4, 8);
    const unmasked = frame.subarray(8).map((byte, at) => byte ^ (key[at & 3] ?? 0));
    expect([...unmasked]).toEqual([...payload]);
  });
});
