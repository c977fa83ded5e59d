import { beforeAll, describe, expect, test } from "vitest";
import { entryOf, narrowed } from "../src/measure.ts";
import type { Result } from "../src/result.ts";
import type { Workload } from "../src/workload.ts";
import { bulk } from "../src/workloads/bulk.ts";
import { deflate } from "../src/workloads/deflate.ts";
import { fanout } from "../src/workloads/fanout.ts";
import { idle } from "../src/workloads/idle.ts";
import { unicast } from "../src/workloads/unicast.ts";
import { bench, build, tiny } from "./run.ts";

beforeAll(build, 120_000);

/** One figure per repetition and row, or two. */
const cases: readonly { workload: Workload; units: string[]; only?: string[] }[] = [
  { workload: unicast, units: ["msg/s", "s"] },
  { workload: bulk, units: ["MB", "MB/s"] },
  { workload: deflate, units: ["deliveries/s"] },
  // A thousand clients each: not all of them have to come for this.
  { workload: fanout, units: ["MB", "deliveries/s", "s"], only: ["bun-publish", "spillway-pump"] },
  { workload: idle, units: ["KiB/connection", "MB"], only: ["net", "spillway"] },
];

describe("workloads on sockets", { timeout: 240_000 }, () => {
  test.each(cases)("measures $workload.name", async ({ workload, units, only = [] }) => {
    const { name, baseline } = workload;
    const chosen = only.flatMap((variant) => ["--only", variant]);
    const { stdout, stderr } = await bench(name, "--json", ...chosen, ...tiny);
    const results = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Result);

    const failed = stderr.split("\n").filter((line) => line.includes("failed:"));
    expect(failed).toEqual([]);
    const rows = workload.blocks.flatMap((block) =>
      narrowed(block, baseline, only).variants.map((one) => {
        const { variant, params } = entryOf(one);
        return {
          variant,
          params: Object.entries(block.params).concat(Object.entries(params ?? {})),
        };
      }),
    );
    expect(rows.length).toBeGreaterThan(1);
    for (const { variant, params } of rows) {
      const own = results.filter(
        (result) =>
          result.variant === variant &&
          params.every(([key, value]) => result.params[key] === value),
      );
      expect(own, JSON.stringify({ variant, params })).not.toEqual([]);
    }
    expect(new Set(results.map(({ unit }) => unit))).toEqual(new Set(units));
    for (const { params, unit, median, cpuPerMillion, ratioToWs } of results) {
      expect(Number.isFinite(median)).toBe(true);
      if (unit === "msg/s" || unit === "deliveries/s") expect(cpuPerMillion).toBeGreaterThan(0);
      // What a loop cannot keep up with, and a check, have nothing to be compared with.
      if (params["burst"] !== 64 && params["op"] !== "close") expect(ratioToWs).toBeDefined();
    }
  });
});
