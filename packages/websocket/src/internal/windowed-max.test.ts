import * as fc from "fast-check";
import { expect, test } from "vitest";
import { WindowedMax } from "./windowed-max.ts";

const SPAN = 100;

test("is never less than the last value, nor more than the largest of late", () => {
  const steps = fc.array(
    fc.record({ value: fc.integer({ min: 1, max: 100 }), wait: fc.integer({ min: 0, max: 60 }) }),
  );
  const property = fc.property(steps, (script) => {
    const filter = new WindowedMax();
    const seen: { value: number; at: number }[] = [];
    let at = 0;
    for (const { value, wait } of script) {
      at += wait;
      filter.add(value, at, SPAN);
      seen.push({ value, at });
      const late = seen.filter((sample) => at - sample.at <= SPAN).map((sample) => sample.value);
      expect(filter.value).toBeGreaterThanOrEqual(value);
      expect(filter.value).toBeLessThanOrEqual(Math.max(...late));
    }
  });
  fc.assert(property, { numRuns: 1_000 });
});

test("remembers the largest for as long as it counts", () => {
  const filter = new WindowedMax();
  filter.add(10, 0, SPAN);
  for (let at = 10; at <= 100; at += 10) {
    filter.add(5, at, SPAN);
    expect(filter.value).toBe(10);
  }
  filter.add(5, 110, SPAN);
  expect(filter.value).toBe(5);
});
