import { describe, expect, test } from "vitest";
import { byRank, type ResultContext, summarise } from "./result.ts";
import type { Measurement } from "./workload.ts";

const context: ResultContext = {
  workload: "pipeline",
  variant: "spillway",
  runtime: "node 20.20.2",
  params: { k: 3 },
  baseline: "native",
};

const nanoseconds = (value: number, cpuPerMillion?: number): Measurement[] => [
  { unit: "ns/chunk", value, cpuPerMillion },
];

describe("summarise()", () => {
  test("gives the line of JSON that is documented", () => {
    const reps = [nanoseconds(30, 0.3), nanoseconds(10, 0.1), nanoseconds(20, 0.2)];
    const baseline = [nanoseconds(300), nanoseconds(200), nanoseconds(240)];
    const [result] = summarise(context, reps, { baseline });
    expect(JSON.parse(JSON.stringify(result))).toEqual({
      workload: "pipeline",
      variant: "spillway",
      runtime: "node 20.20.2",
      params: { k: 3 },
      unit: "ns/chunk",
      median: 20,
      min: 10,
      max: 30,
      reps: 3,
      cpuPerMillion: 0.2,
      ratioToNative: 12,
    });
  });

  test("leaves out what was not measured and what cannot be compared", () => {
    const [result] = summarise(context, [nanoseconds(10)]);
    expect(Object.keys(result ?? {})).toEqual(
      "workload variant runtime params unit median min max reps".split(" "),
    );
  });

  test("says how many times better, also where more is better", () => {
    const reps: Measurement[][] = [[{ unit: "msg/s", value: 600 }]];
    const baseline: Measurement[][] = [[{ unit: "msg/s", value: 200 }]];
    const [result] = summarise({ ...context, baseline: "ws" }, reps, { baseline });
    expect(result).toMatchObject({ ratioToWs: 3 });
    expect(result).not.toHaveProperty("ratioToNative");
  });

  test("compares with what it is to withstand too", () => {
    const reference = [nanoseconds(8), nanoseconds(5)];
    const [result] = summarise(context, [nanoseconds(10), nanoseconds(10)], { reference });
    expect(result).toMatchObject({ ratioToReference: 0.65 });
    expect(result).not.toHaveProperty("ratioToNative");
  });

  test("gives a result for every figure of a repetition", () => {
    const rep: Measurement[] = [
      { unit: "s", value: 0.2, params: { quantile: 0.5 } },
      { unit: "s", value: 0.3, params: { quantile: 0.99 } },
      { unit: "MB/s", value: 0.125 },
    ];
    const results = summarise({ ...context, params: { path: "slow" } }, [rep, rep]);
    expect(results.map(({ params, unit, median }) => ({ params, unit, median }))).toEqual([
      { params: { path: "slow", quantile: 0.5 }, unit: "s", median: 0.2 },
      { params: { path: "slow", quantile: 0.99 }, unit: "s", median: 0.3 },
      { params: { path: "slow" }, unit: "MB/s", median: 0.125 },
    ]);
  });

  test("refuses repetitions that measured different things", () => {
    expect(() => summarise(context, [nanoseconds(1), []])).toThrow(RangeError);
  });
});

describe("byRank()", () => {
  const at = (unit: Measurement["unit"], value: number) => summarise(context, [[{ unit, value }]]);

  test.each([
    ["ns/chunk", [1, 2, 3]],
    ["msg/s", [3, 2, 1]],
  ] as const)("puts the best %s first", (unit, order) => {
    const results = [2, 3, 1].flatMap((value) => at(unit, value));
    expect(results.toSorted(byRank).map(({ median }) => median)).toEqual(order);
  });
});
