import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

interface Ended {
  readonly code: number | string | null | undefined;
  readonly stderr: string;
}

async function run(env: NodeJS.ProcessEnv): Promise<Ended> {
  const args = ["--conditions=@spillway/source", "--import", "tsx", main];
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 20_000 };
    execFile(process.execPath, args, options, (error, _stdout, stderr) => {
      resolve({ code: error?.code, stderr });
    });
  });
}

describe("start-up errors are one line and exit code 1", () => {
  test.each([
    ["a PORT that is no port", { PORT: "http" }, "SPW_ERR_OPTION"],
    ["a PORT out of range", { PORT: "70000" }, "SPW_ERR_OPTION"],
    [
      "a clip that is missing",
      { PORT: "0", SPILLWAY_SOURCE: "/nowhere/clip.ivf" },
      "SPW_ERR_SOURCE",
    ],
  ])(
    "%s",
    async (_what, env, code) => {
      const ended = await run(env);
      expect(ended.stderr.trim().split("\n")).toHaveLength(1);
      expect(ended.stderr).toContain(code);
      expect(ended.code).toBe(1);
    },
    30_000,
  );

  test("a clip that is not IVF", async () => {
    const file = join(tmpdir(), `spillway-${process.pid}.ivf`);
    writeFileSync(file, "this is no video\n".repeat(10));
    const ended = await run({ PORT: "0", SPILLWAY_SOURCE: file });
    expect(ended.stderr.trim().split("\n")).toHaveLength(1);
    expect(ended.stderr).toContain("SPW_ERR_SOURCE");
    expect(ended.code).toBe(1);
  }, 30_000);

  test("a port in use", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    onTestFinished(() => {
      taken.close();
    });
    const { port } = taken.address() as AddressInfo;
    const ended = await run({ PORT: String(port) });
    expect(ended.stderr.trim().split("\n")).toHaveLength(1);
    expect(ended.stderr).toContain("EADDRINUSE");
    expect(ended.stderr).toContain("PORT");
    expect(ended.code).toBe(1);
  }, 30_000);
});
