import { array, assert, double, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { median, pairedRatio } from "./statistics.ts";

const figures = array(double({ min: 1e-3, max: 1e9, noNaN: true }), {
  minLength: 1,
  maxLength: 20,
});

describe("median()", () => {
  test("is the value in the middle, whatever the order", () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  test("is the mean of the two in the middle of an even number", () => {
    expect(median([10, 1, 4, 2])).toBe(3);
  });

  test("compares numbers, not their text", () => {
    expect(median([100, 9, 20])).toBe(20);
  });

  test("leaves as many above it as below it", () => {
    assert(
      property(figures, (values) => {
        const middle = median(values);
        const above = values.filter((value) => value > middle).length;
        const below = values.filter((value) => value < middle).length;
        expect(above).toBeLessThanOrEqual(values.length / 2);
        expect(below).toBeLessThanOrEqual(values.length / 2);
      }),
    );
  });

  test("leaves its argument as it is", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  test("of nothing is an error", () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe("pairedRatio()", () => {
  test("pairs by repetition, so a slow spell of the machine cancels out", () => {
    // The second and third repetition took ten times as long for both of them.
    const ours = [1, 10, 10, 1, 2];
    const theirs = [4, 40, 40, 4, 4];
    expect(pairedRatio(theirs, ours)).toBe(4);
    expect(median(theirs) / median(ours)).toBe(2);
  });

  test("refuses repetitions that have no partner", () => {
    expect(() => pairedRatio([1, 2], [1])).toThrow(RangeError);
  });
});
