import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Result } from "../src/result.ts";
import { bench, build, run } from "./run.ts";

beforeAll(build, 120_000);

const base = import.meta.url;

const parse = (stdout: string): Result[] =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Result);

describe("integrity", { timeout: 120_000 }, () => {
  test("sends to every receiver there is, and finds nothing amiss", async () => {
    const args = ["--json", "--megabytes", "2", "--seed", "5"];
    const { code, stdout, stderr } = await bench("integrity", ...args);
    expect(stderr).not.toContain("failed");
    expect(code).toBe(0);
    expect(stderr).toContain("seed = 5");

    const results = parse(stdout);
    // The others are reported as missing where they are not installed.
    const variants = ["node", "python", "bun", "chromium"].filter(
      (variant) => !stderr.includes(`${variant} (deflate = off) missing`),
    );
    expect(variants).toContain("node");
    for (const variant of variants) {
      const own = results.filter((result) => result.variant === variant);
      expect(own.find(({ unit }) => unit === "MB/s")?.median).toBeGreaterThanOrEqual(0);
      const parts = own
        .filter(({ params, unit }) => unit === "MB" && params["deflate"] === "off")
        .map(({ params }) => [params["memory"], params["part"]]);
      expect(parts).toEqual([
        ["heap", "2/4"],
        ["heap", "4/4"],
        ["rss", "2/4"],
        ["rss", "4/4"],
      ]);
    }
    const ofNode = results.filter(({ variant }) => variant === "node");
    expect(new Set(ofNode.map(({ params }) => params["deflate"]))).toEqual(
      new Set(["off", "on", "shared"]),
    );
  });

  test("names the message that is not what was sent", async () => {
    const of = (path: string): string => new URL(`../dist/proofs/integrity/${path}`, base).href;
    // By itself: a process of the test runner hands its own arguments on to those it starts.
    const script = `
      import { transfer } from ${JSON.stringify(of("transfer.js"))};
      import { receivers } from ${JSON.stringify(of("receivers.js"))};
      const start = (job, onCheckpoint) => receivers.node(job, (checkpoint) => {
        // Of the third message, a digit.
        const marks = checkpoint.marks.slice(0, 16) + "?" + checkpoint.marks.slice(17);
        onCheckpoint({ ...checkpoint, marks, hash: "another" });
      });
      const job = { seed: 5, bytes: 1e6, deflate: "off" };
      await transfer(job, start, { path: process.execPath }, () => {});`;
    const folder = await mkdtemp(join(tmpdir(), "spillway-bench-"));
    onTestFinished(async () => rm(folder, { recursive: true }));
    await writeFile(join(folder, "spoilt.mjs"), script);
    const { code, stderr } = await run(process.execPath, [join(folder, "spoilt.mjs")]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/Error: message 3 \(.* bytes, .*\) is not what arrived in its place\n/u);
  });
});

describe("soak", { timeout: 120_000 }, () => {
  test("looks at the memory, at what connections hold, and at the healthy ones", async () => {
    const args = ["--json", "--clients", "20", "--seconds", "8"];
    const { code, stdout, stderr } = await bench("soak", ...args);
    expect(stderr).not.toContain("failed");
    expect(code).toBe(0);
    const results = parse(stdout);
    expect(results.map(({ unit }) => unit)).toEqual(["MB", "MB", "KiB/connection", "s", "s", "s"]);
    expect(results.map(({ params }) => params["frozen"])).toEqual([
      ...Array.from({ length: 4 }, () => "10%"),
      "0%",
      "10%",
    ]);
    expect(results.map(({ params }) => params["part"])).toEqual(
      expect.arrayContaining(["2/5", "5/5"]),
    );
    expect(results.at(-1)?.reps).toBe(5);
    expect(results.at(-1)?.ratioToReference).toBeGreaterThan(0);
  });
});

describe("states", { timeout: 120_000 }, () => {
  test("looks at a viewer that takes a flood, and at one that is stopped", async () => {
    const { stdout, stderr } = await bench("states", "--quick", "--json", "--only", "node");
    const results = parse(stdout);
    const of = (trouble: string): unknown[] =>
      results
        .filter(({ params }) => params["trouble"] === trouble)
        .map(({ params, unit }) => [params["window"] ?? params["figure"], unit]);
    expect(of("flood")).toEqual([
      ["false", "MB/s"],
      ["auto", "MB/s"],
      ["window", "MB"],
    ]);
    expect(of("stopped")).toEqual([
      ["frozen after", "s"],
      ["moving after", "s"],
      ["swallowed", "MB"],
      ["beyond the window", "MB"],
      ["age a second later", "s"],
    ]);
    // How fast all that is, is another matter on a machine that is busy with tests.
    expect(stderr).not.toMatch(/never|ended|acknowledged by/u);
  });
});

describe("credits", { timeout: 120_000 }, () => {
  test.each([
    ["chromium", "frozen"],
    // It has no command for that.
    ["firefox", "blocked on a slow feed"],
  ])(
    "looks at a page of %s that keeps up, reads slowly, and does not read",
    async (browser, asleep) => {
      const { stdout, stderr } = await bench("credits", "--quick", "--json", "--only", browser);
      const results = stdout === "" ? [] : parse(stdout);
      const troubles = new Set(results.map(({ params }) => params["trouble"]));
      const credited = ["ordinary", "slow", asleep, "blocked"].map((what) => `${what}, credits`);
      const isInstalled = !stderr.includes("missing");
      expect([...troubles]).toEqual(isInstalled ? ["ordinary, pings", ...credited] : []);
      // How fast all that is, is another matter on a machine that is busy with tests.
      expect(stderr).not.toMatch(/swallowed|in flight|grew|never/u);
    },
  );
});

test.each([
  ["an option of workloads", ["soak", "--reps", "3"], /--reps is no option of a proof/u],
  ["an option of proofs", ["unicast", "--seed", "3"], /--seed is no option of a workload/u],
  ["anything beside it", ["soak", "unicast"], /soak runs alone, not with "unicast"/u],
  ["an unknown variant", ["integrity", "--only", "deno"], /Unknown variant "deno".*python/u],
])("a proof refuses %s", async (_what, args, message) => {
  const { code, stdout, stderr } = await bench(...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
  expect(stdout).toBe("");
});
