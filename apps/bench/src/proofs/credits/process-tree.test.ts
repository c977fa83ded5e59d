import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import { residentBytes } from "./process-tree.ts";

const HELD_BYTES = 50e6;

describe.skipIf(process.platform !== "linux")("residentBytes()", () => {
  test("counts what a process holds that the given one has started", async () => {
    const before = (await residentBytes(process.pid)) ?? Number.NaN;
    expect(before).toBeGreaterThan(0);
    const script = `globalThis.held = Buffer.alloc(${HELD_BYTES}, 1); console.log("held"); process.stdin.resume();`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout, "data");
    expect(await residentBytes(child.pid ?? 0)).toBeGreaterThan(HELD_BYTES);
    expect(await residentBytes(process.pid)).toBeGreaterThan(HELD_BYTES + before / 2);
  });

  test("is 0 for a process that is gone", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "close");
    expect(await residentBytes(child.pid ?? 0)).toBe(0);
  });
});
