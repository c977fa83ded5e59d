import { describe, expect, test } from "vitest";
import { nalUnits } from "./nal.ts";

const starts = (bytes: readonly number[], lengthBytes?: number): number[] => [
  ...nalUnits(Uint8Array.from(bytes), lengthBytes),
];
const damaged = expect.objectContaining({ code: "SPW_ERR_CHUNK" });
const filled = (count: number): number[] => Array.from({ length: count }, () => 7);

describe("nalUnits()", () => {
  test("finds units after start codes of three bytes or more", () => {
    expect(starts([0, 0, 0, 1, 9, 7, 0, 0, 1, 7, 7, 0, 0, 0, 0, 1, 7])).toEqual([4, 9, 16]);
    expect(starts([0, 0, 1, 9, 7])).toEqual([3]);
    expect(starts([0, 0, 0, 0, 0, 1, 9, 7])).toEqual([6]);
  });

  test("takes no other 1 for the end of a start code", () => {
    expect(starts([0, 0, 0, 1, 1, 0, 1, 1, 0, 2, 1, 0, 0, 3, 1])).toEqual([4]);
  });

  test("finds units after lengths", () => {
    expect(starts([0, 0, 0, 2, 9, 7, 0, 0, 0, 1, 7])).toEqual([4, 10]);
    expect(starts([0, 2, 9, 7, 0, 1, 7], 2)).toEqual([2, 6]);
    expect(starts([2, 9, 7, 1, 7], 1)).toEqual([1, 4]);
  });

  test("takes 0 0 1 for a length where it fits the frame", () => {
    expect(starts([0, 0, 1, 2, ...filled(258)])).toEqual([4]);
    expect(starts([0, 0, 1, 2, ...filled(257)])).toEqual([3]);
    expect(starts([0, 0, 1, 2, ...filled(258), 0, 0, 0, 1, 7])).toEqual([4, 266]);
  });

  test("takes 0 0 0 1 for a start code, whatever fits", () => {
    expect(starts([0, 0, 0, 1, 9])).toEqual([4]);
    expect(starts([0, 0, 0, 1, 9], 4)).toEqual([4]);
    expect(starts([0, 0, 0, 1, 9, 0, 0, 0, 1, 7])).toEqual([4, 9]);
  });

  test.each([
    ["neither form", [7, 7, 7, 7, 7, 7], undefined],
    ["something before the first start code", [7, 0, 0, 0, 1, 9], undefined],
    ["a start code with nothing after it", [0, 0, 0, 1, 9, 0, 0, 1], undefined],
    ["zeros", [0, 0, 0, 0, 0, 0, 0, 0], undefined],
    ["a length past the end", [0, 0, 0, 9, 7, 7], 4],
    ["a length of 0", [0, 0, 0, 0, 7], 4],
    ["half a length", [0, 0, 0, 1, 7, 0, 0], 4],
    ["a length that is all there is", [0, 0, 0, 1], 4],
  ])("refuses %s", (_, bytes, lengthBytes) => {
    expect(() => starts(bytes, lengthBytes)).toThrow(damaged);
  });

  test("looks no further than asked", () => {
    const [first] = nalUnits(Uint8Array.of(0, 0, 0, 1, 9, 0, 0, 0, 9, 7), 4);
    expect(first).toBe(4);
  });
});
