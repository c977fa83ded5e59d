import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

test("Pace pauses now and then, for long now and then", () => {
  const pace = new Pace(1);
  const pauses = Array.from({ length: 10_000 }, () => pace.pauseAfter(100_000)).filter(
    (ms) => ms > 0,
  );
  // Runs are 1.3 MB in the mean.
  expect(pauses.length).toBeGreaterThan(500);
  expect(pauses.length).toBeLessThan(1500);
  expect(Math.max(...pauses)).toBeGreaterThan(1000);
  expect(pauses.filter((ms) => ms < 40).length / pauses.length).toBeGreaterThan(0.9);
});
