import { describe, expect, test } from "vitest";
import { BitReader } from "./bits.ts";

describe("BitReader", () => {
  test("reads numbers across bytes, most significant bit first", () => {
    const reader = new BitReader(Uint8Array.of(0b1010_0000, 0b1111_0001));
    expect([reader.bits(1), reader.bits(3), reader.bits(7), reader.bits(0)]).toEqual([1, 2, 7, 0]);
    expect([reader.flag(), reader.bits(4)]).toEqual([true, 1]);
  });

  test("reads 32 bits as an unsigned number", () => {
    expect(new BitReader(Uint8Array.of(255, 255, 255, 254)).bits(32)).toBe(0xfffffffe);
  });

  test("stops at the end", () => {
    const reader = new BitReader(Uint8Array.of(1, 2));
    reader.bits(15);
    expect(() => reader.bits(2)).toThrow(
      expect.objectContaining({
        code: "SPW_ERR_CHUNK",
        message: "Cannot classify frame: its header is cut off after 2 bytes",
      }),
    );
  });
});
