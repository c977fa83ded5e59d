import { expect, test } from "vitest";
import { randomNumbers } from "./random.ts";

test("randomNumbers() are the same for the same seed, and spread evenly", () => {
  const [first, again, other] = [7, 7, 8].map((seed) => {
    const random = randomNumbers(seed);
    return Array.from({ length: 10_000 }, random);
  });
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
  for (let tenth = 0; tenth < 10; tenth++) {
    const share = (first ?? []).filter((value) => Math.floor(value * 10) === tenth).length / 10_000;
    expect(Math.abs(share - 0.1)).toBeLessThan(0.02);
  }
});
