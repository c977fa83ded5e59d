import { describe, expect, test } from "vitest";
import { UsageError } from "./arguments.ts";
import { planOf } from "./plan.ts";
import type { Workload } from "./workload.ts";

const workload: Workload = {
  name: "unicast",
  title: "",
  baseline: "ws",
  blocks: [
    { params: { path: "long" }, variants: ["ws", "ours", "fixed"] },
    { params: { path: "slow" }, variants: ["ws", "ours"] },
    { params: {}, variants: ["fixed"] },
  ],
  prepare: async () => ({ repeat: async () => [] }),
};

const blocksOf = (only: string[], where: string[]): unknown =>
  planOf([workload], { only, where }).map(({ block }) => block);

describe("planOf()", () => {
  test("keeps everything when nothing is asked for", () => {
    expect(blocksOf([], [])).toEqual(workload.blocks);
  });

  test("keeps the blocks with a param that is asked for", () => {
    expect(blocksOf([], ["path=slow"])).toEqual([workload.blocks[1]]);
    expect(blocksOf([], ["path=slow", "path=long"])).toEqual(workload.blocks.slice(0, 2));
  });

  test("keeps a variant and what it is compared with", () => {
    expect(blocksOf(["fixed"], ["path=long"])).toEqual([
      { params: { path: "long" }, variants: ["ws", "fixed"] },
    ]);
    expect(blocksOf(["fixed"], ["path=slow"])).toEqual([]);
  });

  test.each([
    ["variant", ["theirs"], [], /Unknown variant "theirs", want one of: ws, ours, fixed$/u],
    [
      "param",
      [],
      ["path=short"],
      /Unknown param "path=short", want one of: path=long, path=slow$/u,
    ],
  ])("refuses an unknown %s, with those there are", (_what, only, where, message) => {
    expect(() => planOf([workload], { only, where })).toThrow(UsageError);
    expect(() => planOf([workload], { only, where })).toThrow(message);
  });
});
