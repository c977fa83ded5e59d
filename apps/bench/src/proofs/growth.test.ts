import { describe, expect, test } from "vitest";
import { growthOf, growthRows } from "./growth.ts";

const context = {
  workload: "soak",
  variant: "spillway-pump",
  runtime: "node 20.20.2",
  params: { clients: 10 },
  baseline: "ws",
} as const;

describe("growthOf()", () => {
  test("compares the second part with the last, and leaves out the first", () => {
    const samples = [1, 2, 50, 51, 60, 70, 80, 90, 53, 54];
    expect(growthOf(samples, 5)).toEqual({ parts: 5, early: [50, 51], late: [53, 54], grown: 3 });
  });

  test("takes all that is there when the parts are uneven", () => {
    const { early, late } = growthOf([0, 1, 2, 3, 4, 5, 6], 4);
    expect({ early, late }).toEqual({ early: [1, 2], late: [5, 6] });
  });

  test("goes by medians: a peak is no growth", () => {
    expect(growthOf([9, 9, 9, 5, 5, 70, 5, 99, 5], 3).grown).toBe(0);
  });

  test("refuses to compare what is too little", () => {
    expect(() => growthOf([1, 2, 3], 4)).toThrow(RangeError);
  });
});

test("growthRows() are of what is above the start, which may be less", () => {
  const growth = growthOf([10e6, 9e6, 12e6, 13e6], 4);
  const rows = growthRows(context, growth, 10e6, { memory: "heap" });
  expect(rows.map(({ params, unit, median }) => ({ params, unit, median }))).toEqual([
    { params: { clients: 10, memory: "heap", part: "2/4" }, unit: "MB", median: -1 },
    { params: { clients: 10, memory: "heap", part: "4/4" }, unit: "MB", median: 3 },
  ]);
});
