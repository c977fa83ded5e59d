import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Result } from "../src/result.ts";
import type { TraceSample } from "../src/trace.ts";
import { bench, build } from "./run.ts";

beforeAll(build, 120_000);

const linesOf = <T>(text: string): T[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);

describe("freshness", { timeout: 120_000 }, () => {
  test("sees streams over paths that change, and tells how it went", async () => {
    const folder = await mkdtemp(join(tmpdir(), "spillway-bench-"));
    onTestFinished(async () => rm(folder, { recursive: true }));
    const trace = join(folder, "trace.jsonl");
    const paths = ["changing", "stalling", "jitter", "shared"];
    const where = paths.flatMap((path) => ["--where", `path=${path}`]);
    const effort = ["--quick", "--reps", "2", "--only", "spillway-pump"];
    const ran = await bench("freshness", "--json", ...effort, ...where, "--trace", trace);
    expect(ran).toMatchObject({ code: 0 });

    const all = linesOf<Result>(ran.stdout).filter(({ variant }) => variant === "spillway-pump");
    const figures = paths.map((path) =>
      all.filter(({ params }) => params["path"] === path).map(({ unit }) => unit),
    );
    const usual = ["s", "s", "MB/s"];
    expect(figures).toEqual([usual, [...usual, "s", "s"], usual, [...usual, "fairness"]]);
    for (const { median } of all) expect(median).toBeGreaterThan(0);

    const samples = linesOf<TraceSample>(await readFile(trace, "utf8"));
    const ours = samples.filter(({ variant }) => variant === "spillway-pump");
    expect(new Set(ours.map(({ params }) => params["path"]))).toEqual(new Set(paths));
    expect(new Set(ours.map(({ rep }) => rep))).toEqual(new Set([1, 2]));
    expect(new Set(ours.map(({ stream }) => stream))).toEqual(new Set([1, 2]));
    for (const { windowBytes, state } of ours) {
      expect(windowBytes).toBeGreaterThan(0);
      expect(state).toMatch(/healthy|congested|frozen/u);
    }
    const theirs = samples.filter(({ variant }) => variant === "ws");
    expect(theirs.length).toBeGreaterThan(0);
    for (const { windowBytes } of theirs) expect(windowBytes).toBeUndefined();

    const file = join(folder, "charts", "trace.svg");
    expect(await bench("chart", trace, file)).toMatchObject({ code: 0, stdout: `${file}\n` });
    const svg = await readFile(file, "utf8");
    expect(svg).toContain(">freshness, spillway-pump, path = changing<");
    for (const name of ["window", "in flight", "round trip"]) expect(svg).toContain(`>${name}<`);
  });

  test("has a trace of nothing else", async () => {
    const { code, stderr } = await bench("unicast", "--trace", "/nowhere/trace.jsonl");
    expect(code).toBe(2);
    expect(stderr).toContain("unicast writes no trace");
  });
});
