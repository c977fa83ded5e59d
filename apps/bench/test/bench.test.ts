import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { entryOf } from "../src/measure.ts";
import type { Result } from "../src/result.ts";
import { pipeline } from "../src/workloads/pipeline.ts";
import { bench, build, main, run, tiny } from "./run.ts";

beforeAll(build, 120_000);

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "spillway-bench-"));
  onTestFinished(async () => rm(path, { recursive: true }));
  return path;
}

const script = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;

/** `NODE_OPTIONS` for a Node that does not find a package. */
function without(name: string): string {
  const hook = `export const resolve = (name, context, next) =>
    next(name === "${name}" ? "${name}-is-not-here" : name, context);`;
  const register = `import { register } from "node:module"; register("${script(hook)}");`;
  return `--import=${script(register)}`;
}

describe("bench", { timeout: 120_000 }, () => {
  test("measures every variant of the pipeline and prints lines of JSON alone; they make a chart", async () => {
    const { code, stdout, stderr } = await bench("pipeline", "--json", ...tiny);
    expect(stderr).not.toMatch(/missing|failed/u);
    expect(code).toBe(0);

    const results = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Result);
    const rows = pipeline.blocks.flatMap(({ params, variants }) =>
      variants.map((one) => ({ variant: entryOf(one).variant, params })),
    );
    expect(results.map(({ variant, params }) => ({ variant, params }))).toEqual(rows);
    for (const { workload, runtime, unit, median, min, max, reps, ...rest } of results) {
      expect({ workload, unit, reps }).toEqual({ workload: "pipeline", unit: "ns/chunk", reps: 2 });
      expect(runtime).toBe(`node ${process.versions.node}`);
      expect(min).toBeGreaterThan(0);
      expect(median).toBeGreaterThanOrEqual(min);
      expect(max).toBeGreaterThanOrEqual(median);
      expect(rest.cpuPerMillion).toBeGreaterThan(0);
      if ("k" in rest.params) expect(rest.ratioToNative).toBeGreaterThan(0);
    }

    const charts = await folder();
    const lines = join(charts, "results.jsonl");
    await writeFile(lines, stdout);
    const drawn = await bench("chart", lines, charts);
    expect(drawn).toMatchObject({ code: 0, stdout: `${join(charts, "pipeline.svg")}\n` });
    const svg = await readFile(join(charts, "pipeline.svg"), "utf8");
    for (const { variant } of rows) expect(svg).toContain(`>${variant}<`);
  });

  test("prints a table with the variants asked for and what they are compared with", async () => {
    const { code, stdout } = await bench("pipeline", "--only", "streamx", ...tiny);
    expect(code).toBe(0);
    const [, ...blocks] = stdout.split("\npipeline, ");
    expect(blocks.map((block) => block.split("\n", 1)[0])).toEqual(
      [0, 1, 3].map((k) => `node ${process.versions.node}, k = ${k}, ns/chunk`),
    );
    for (const block of blocks) {
      const variants = block
        .split("\n")
        .slice(2, 4)
        .map((line) => line.trim().split(" ", 1)[0]);
      expect(new Set(variants)).toEqual(new Set(["native", "streamx"]));
    }
  });

  test("reports a peer that is not installed, and measures the others", async () => {
    const args = [main, "pipeline", "--json", "--only", "streamx", ...tiny];
    const env = { NODE_OPTIONS: without("streamx") };
    const { code, stdout, stderr } = await run(process.execPath, args, env);
    expect(code).toBe(0);
    const missing = stderr.split("\n").filter((line) => line.includes("streamx missing"));
    expect(missing).toHaveLength(3);
    expect(missing[0]).toMatch(/pipeline, .*, k = 0: streamx missing: Cannot find package/u);
    const results = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Result);
    expect(results.map(({ variant }) => variant)).toEqual(["native", "native", "native"]);
  });

  test("reports variants that break, and ends with exit code 1", async () => {
    // The runtime is asked what it is with `-p`; all else it does ends in an error.
    const path = join(await folder(), "node");
    const shim = `#!/bin/sh\n[ "$1" = -p ] && exec "${process.execPath}" "$@"\nexit 3\n`;
    await writeFile(path, shim, { mode: 0o755 });
    const args = ["--json", "--only", "streamx", ...tiny.slice(0, 4), "--runtime", path];
    const { code, stdout, stderr } = await bench("pipeline", ...args);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr.match(/failed: its process ended with exit code 3/gu)).toHaveLength(6);
  });

  test.each([
    ["an unknown workload", ["pipelines"], /Unknown workload "pipelines", want one of: pipeline/u],
    [
      "an unknown variant",
      ["pipeline", "--only", "streamy"],
      /Unknown variant "streamy".*streamx/u,
    ],
    ["a runtime that cannot run", ["pipeline", "--runtime", "/nowhere/node"], /nowhere/u],
  ])("ends with exit code 2 for %s", async (_what, args, message) => {
    const { code, stdout, stderr } = await bench(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).toContain("Usage:");
    expect(stdout).toBe("");
  });

  test("refuses to draw what is no result", async () => {
    const charts = await folder();
    const lines = join(charts, "results.jsonl");
    await writeFile(lines, '> spillway@0.0.0 bench\n{"workload":"pipeline"}\n');
    const { code, stderr } = await bench("chart", lines, charts);
    expect(code).toBe(2);
    expect(stderr).toContain("line 1 is no JSON");
  });
});
