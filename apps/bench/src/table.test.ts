import { expect, test } from "vitest";
import type { Result } from "./result.ts";
import { tables } from "./table.ts";

const row = (variant: string, k: number, median: number, ratioToNative: number): Result => ({
  workload: "pipeline",
  variant,
  runtime: "node 20.20.2",
  params: { k },
  unit: "ns/chunk",
  median,
  min: median,
  max: 1.5 * median,
  reps: 5,
  ratioToNative,
});

test("tables() gives every block a table, best first, its figures under each other", () => {
  const results = [
    row("native", 1, 9170, 1),
    row("spillway-pump", 1, 20.5, 447.3),
    row("native", 3, 21_730, 1),
  ];
  expect(tables(results)).toBe(
    [
      "pipeline, node 20.20.2, k = 1, ns/chunk",
      "  variant        median    min     max  spread  better than native  reps",
      "  spillway-pump    20.5   20.5    30.8    50 %                447×     5",
      "  native          9,170  9,170  13,755    50 %                  1×     5",
      "",
      "pipeline, node 20.20.2, k = 3, ns/chunk",
      "  variant  median     min     max  spread  better than native  reps",
      "  native   21,730  21,730  32,595    50 %                  1×     5",
      "",
    ].join("\n"),
  );
});
