import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byteLength, toMessage } from "./message.ts";

describe("byteLength()", () => {
  test("counts a text as it is encoded, whatever is in it", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (units) => {
        const text = String.fromCharCode(...units);
        expect(byteLength(text)).toBe(new TextEncoder().encode(text).byteLength);
      }),
    );
    for (const text of [
      "\ud83d\ude00",
      "\ud83d",
      "\ude00\ud83d",
      "\ud83d\ud83d\ude00",
      "\u07ff\u0800",
    ]) {
      expect(byteLength(text)).toBe(new TextEncoder().encode(text).byteLength);
    }
  });

  test("counts the bytes that a view shows", () => {
    expect(byteLength(new DataView(new ArrayBuffer(10), 3, 4))).toBe(4);
  });
});

describe("toMessage()", () => {
  test("makes text of what is no bytes", () => {
    expect([12, null, undefined, { toString: () => "x" }].map(toMessage)).toEqual([
      "12",
      "null",
      "undefined",
      "x",
    ]);
    expect(() => toMessage(Symbol("x"))).toThrow(TypeError);
  });
});
