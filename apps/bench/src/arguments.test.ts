import { describe, expect, test } from "vitest";
import { readArguments, UsageError } from "./arguments.ts";

const known = ["pipeline", "unicast"];
const proofs = ["soak"];

describe("readArguments()", () => {
  test("asks for every workload on both runtimes when nothing is said", () => {
    const request = readArguments([], known, proofs);
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
      const request = readArguments(args, known, proofs);
      if (request.kind !== "measure") throw new TypeError("want a request to measure");
      expect(request.effort.reps).toBeGreaterThanOrEqual(5);
    }
  });

  test("takes what is said", () => {
    const args = ["unicast", "--json", "--runtime", "current", "--only", "ws", "--reps", "3"];
    expect(readArguments([...args, "--rep-ms", "20"], known, proofs)).toEqual({
      kind: "measure",
      workloads: ["unicast"],
      runtimes: ["current"],
      only: ["ws"],
      where: [],
      effort: { reps: 3, repMs: 20, warmUpMs: 40 },
      trace: undefined,
      json: true,
    });
  });

  test("takes what is said of blocks and of a trace", () => {
    const args = ["unicast", "--where", "op=echo", "--where", "k=1", "--trace", "unicast.jsonl"];
    expect(readArguments(args, known, proofs)).toMatchObject({
      where: ["op=echo", "k=1"],
      trace: "unicast.jsonl",
    });
  });

  test("takes what is said of a proof", () => {
    const args = ["soak", "--json", "--clients", "50", "--seconds", "10", "--seed", "7"];
    expect(readArguments(args, known, proofs)).toEqual({
      kind: "prove",
      proof: "soak",
      options: {
        isQuick: false,
        only: [],
        seed: 7,
        megabytes: undefined,
        clients: 50,
        seconds: 10,
      },
      json: true,
    });
  });

  test("takes another seed every time when none is said", () => {
    const seeds = Array.from({ length: 10 }, () => {
      const request = readArguments(["soak"], known, proofs);
      return request.kind === "prove" ? request.options.seed : 0;
    });
    expect(new Set(seeds).size).toBeGreaterThan(5);
    for (const seed of seeds) expect(seed).toBeGreaterThanOrEqual(1);
  });

  test("takes the paths of a chart", () => {
    const request = readArguments(["chart", "results.jsonl", "docs"], known, proofs);
    expect(request).toEqual({ kind: "chart", results: "results.jsonl", folder: "docs" });
  });

  test("takes the paths of the chart of a trace", () => {
    const request = readArguments(["chart", "trace.jsonl", "docs/a.svg"], known, proofs);
    expect(request).toEqual({ kind: "trace-chart", trace: "trace.jsonl", file: "docs/a.svg" });
  });

  test.each([
    ["an unknown workload, with those there are", ["nonsense"], /"nonsense".*pipeline, unicast/u],
    ["an unknown option", ["--fast"], /--fast/u],
    ["an option without its value", ["--runtime"], /--runtime/u],
    ["a number that is none", ["--reps", "many"], /--reps.*"many"/u],
    ["no repetition", ["--reps", "0"], /--reps.*"0"/u],
    ["a proof with a workload", ["soak", "pipeline"], /soak runs alone/u],
    ["a seed for a workload", ["pipeline", "--seed", "1"], /--seed is no option of a workload/u],
    ["repetitions of a proof", ["soak", "--reps", "3"], /--reps is no option of a proof/u],
    ["a trace of a proof", ["soak", "--trace", "a.jsonl"], /--trace is no option of a proof/u],
    ["a chart of nothing", ["chart", "results.jsonl"], /chart takes two paths/u],
  ])("refuses %s", (_what, args, message) => {
    expect(() => readArguments(args, known, proofs)).toThrow(UsageError);
    expect(() => readArguments(args, known, proofs)).toThrow(message);
  });
});
