import { describe, expect, test } from "vitest";
import { Ages } from "./ages.ts";
import { now, STAMP_BYTES } from "./protocol.ts";

/** A message of which the stamp says that it was sent `ms` ago, after two bytes of something else. */
const aged = (ms: number): Buffer => {
  const micros = Math.round((now() - ms) * 1000);
  return Buffer.from(`42${String(micros).padStart(STAMP_BYTES, "0")}`);
};

describe("Ages", () => {
  test("tells quantiles to within one percent", () => {
    const ages = new Ages(2);
    for (let each = 1; each <= 100; each++) {
      const message = aged(each * 1000);
      ages.take(message, 0, message.length);
    }
    expect(ages.quantile(0.5) / 50).toBeCloseTo(1, 1.5);
    expect(ages.quantile(0.99) / 99).toBeCloseTo(1, 1.5);
  });

  test("tells the age of what it takes", () => {
    const message = aged(1000);
    const ageMs = new Ages(2).take(message, 0, message.length) ?? 0;
    expect(ageMs).toBeGreaterThanOrEqual(1000);
    expect(ageMs).toBeLessThan(2000);
  });

  test("passes over a stamp that is not at hand", () => {
    const ages = new Ages(2);
    const message = aged(1000);
    expect(ages.take(message, 0, message.length - 1)).toBeUndefined();
    expect(ages.quantile(0.5)).toBe(0);
  });
});
