import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { CaseResult } from "./case-result.ts";
import { disagreements } from "./disagreement.ts";
import type { Job } from "./job.ts";
import { runtimes } from "./runtimes.ts";

let folder: string;
let bundle: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "proposal-"));
  bundle = join(folder, "child.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("child.ts", import.meta.url))],
    bundle: true,
    conditions: ["@spillway/source"],
    format: "esm",
    logLevel: "silent",
    outfile: bundle,
    target: "es2022",
  });
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Gives every line that the child says. */
async function run(path: string, args: readonly string[], job: Job): Promise<CaseResult[]> {
  const stdout = await new Promise<string>((resolve, reject) => {
    const given = [...args, bundle, JSON.stringify(job)];
    const limits = { timeout: 150_000, maxBuffer: 16 * 1024 * 1024 };
    execFile(path, given, limits, (error, output, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stderr}\n${output}`, { cause: error }));
      else resolve(output);
    });
  });
  const lines = stdout.trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as CaseResult);
}

/** Whether a runtime is installed; where nothing may be left out, one that is not is an error. */
function pathOf(find: () => string): string | undefined {
  try {
    return find();
  } catch (error) {
    if (process.env["CI"]) throw error;
    console.warn(`${(error as Error).message.split("\n", 1)[0]}: skipped`);
    return undefined;
  }
}

describe.each(runtimes)("WebSocketStream on $name", ({ args, path }) => {
  const found = pathOf(path);
  test.runIf(found).each(["auto", "off"] as const)(
    "does what the proposal says, credits: %s",
    { timeout: 160_000 },
    async (credits) => {
      const url = inject("proposalServer");
      const moduleOfWs = import.meta.resolve("ws");
      const results = await run(found ?? "", args, { url, moduleOfWs, credits });
      expect(disagreements(results)).toEqual([]);
    },
  );
});
