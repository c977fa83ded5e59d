import { describe, expect, test } from "vitest";
import { verdictOf, type Wanted } from "./verdict.ts";

const proved = { proof: "states", variant: "bun", runtime: { name: "node 20", path: "" } };
const verdict = (...all: Wanted[]): ReturnType<typeof verdictOf> =>
  verdictOf(proved, "bun 1.4.5", "stopped", { seconds: 3 }, all);

describe("verdictOf()", () => {
  test("has a row for each figure, and a line for all", () => {
    const { results, failed, lines } = verdict(
      { what: "frozen after", unit: "s", values: [0.5, 0.4, 0.45], goal: 1 },
      { what: "swallowed", unit: "MB", values: [0.15] },
    );
    expect(failed).toEqual([]);
    expect(lines).toEqual([
      "bun 1.4.5, stopped: frozen after 0.4 to 0.5 s (at most 1), swallowed 0.15 MB",
    ]);
    expect(results).toEqual([
      expect.objectContaining({
        workload: "states",
        variant: "bun",
        runtime: "node 20",
        params: {
          viewer: "bun 1.4.5",
          trouble: "stopped",
          seconds: 3,
          figure: "frozen after",
          goal: 1,
        },
        unit: "s",
        median: 0.45,
        min: 0.4,
        max: 0.5,
        reps: 3,
      }),
      expect.objectContaining({ unit: "MB", median: 0.15, reps: 1 }),
    ]);
  });

  test("fails by the worst of a figure", () => {
    const values = [0.4, 1.2, 0.4];
    const { failed } = verdict({ what: "frozen after", unit: "s", values, goal: 1 });
    expect(failed).toEqual([
      { variant: "bun (stopped)", why: "frozen after 0.4 to 1.2 s (at most 1)" },
    ]);
    expect(verdict({ what: "frozen after", unit: "s", values }).failed).toEqual([]);
  });

  test("wants a rate to be high", () => {
    const rate = { what: "rate", unit: "MB/s", goal: 12 } as const;
    expect(verdict({ ...rate, values: [12.5] }).failed).toEqual([]);
    expect(verdict({ ...rate, values: [12.5, 11] }).failed).toEqual([
      { variant: "bun (stopped)", why: "rate 11 to 12.5 MB/s (at least 12)" },
    ]);
  });

  test("fails by what did not come to pass", () => {
    const wanted: Wanted = { what: "frozen after", unit: "s", values: [0.4, undefined], goal: 1 };
    const { failed, results } = verdict(wanted);
    expect(failed[0]?.why).toBe("frozen after never (at most 1)");
    expect(results[0]?.reps).toBe(1);
    expect(verdict({ ...wanted, values: [undefined] }).results).toEqual([]);
  });
});
