import { describe, expect, test } from "vitest";
import { readArguments, UsageError } from "./arguments.ts";

const known = ["pipeline", "unicast"];

describe("readArguments()", () => {
  test("asks for every workload on both runtimes when nothing is said", () => {
    const request = readArguments([], known);
    expect(request).toMatchObject({
      kind: "measure",
      workloads: known,
      runtimes: ["current", "newest"],
      only: [],
      json: false,
    });
  });

  test("measures at least five times, quick or not", () => {
    for (const args of [[], ["--quick"]]) {
      const request = readArguments(args, known);
      if (request.kind !== "measure") throw new TypeError("want a request to measure");
      expect(request.effort.reps).toBeGreaterThanOrEqual(5);
    }
  });

  test("takes what is said", () => {
    const args = ["unicast", "--json", "--runtime", "current", "--only", "ws", "--reps", "3"];
    expect(readArguments([...args, "--rep-ms", "20"], known)).toEqual({
      kind: "measure",
      workloads: ["unicast"],
      runtimes: ["current"],
      only: ["ws"],
      effort: { reps: 3, repMs: 20, warmUpMs: 40 },
      json: true,
    });
  });

  test("takes the paths of a chart", () => {
    const request = readArguments(["chart", "results.jsonl", "docs"], known);
    expect(request).toEqual({ kind: "chart", results: "results.jsonl", folder: "docs" });
  });

  test.each([
    ["an unknown workload, with those there are", ["nonsense"], /"nonsense".*pipeline, unicast/u],
    ["an unknown option", ["--fast"], /--fast/u],
    ["an option without its value", ["--runtime"], /--runtime/u],
    ["a number that is none", ["--reps", "many"], /--reps.*"many"/u],
    ["no repetition", ["--reps", "0"], /--reps.*"0"/u],
    ["a chart of nothing", ["chart", "results.jsonl"], /chart takes two paths/u],
  ])("refuses %s", (_what, args, message) => {
    expect(() => readArguments(args, known)).toThrow(UsageError);
    expect(() => readArguments(args, known)).toThrow(message);
  });
});
