import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { now, stamp } from "../../clients/protocol.ts";
import type { Showing } from "./protocol.ts";
import { Reporter } from "./reporter.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const picture = (): Uint8Array => Buffer.from(stamp().padEnd(1000, "."));

describe("Reporter", () => {
  test("tells when what is shown was made", () => {
    const told: Showing[] = [];
    const reporter = new Reporter((showing) => told.push(showing));
    const made = picture();
    const madeAtMs = now();
    vi.advanceTimersByTime(250);
    reporter.show(made);
    expect(told).toHaveLength(1);
    expect(told[0]?.madeAtMs).toBeCloseTo(madeAtMs, 2);
    expect(told[0]?.atMs).toBeCloseTo(madeAtMs + 250, 2);
    expect(told[0]?.bytes).toBe(1000);
  });

  test("does not tell of each, and counts all", () => {
    const told: Showing[] = [];
    const reporter = new Reporter((showing) => told.push(showing));
    for (let shown = 0; shown < 100; shown++) {
      reporter.show(picture());
      vi.advanceTimersByTime(1);
    }
    expect(told.map(({ bytes }) => bytes)).toEqual([1000, 21_000, 41_000, 61_000, 81_000]);
  });
});
