import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const flag = "--experimental-stream-iter";
// Where Node has the module at all, it needs a flag that a running process cannot take any more.
const isKnown = process.allowedNodeEnvironmentFlags.has(flag);
const rig = fileURLToPath(new URL("stream-iter-rig.ts", import.meta.url));

describe.skipIf(!isKnown)("with the real node:stream/iter", () => {
  test("chunks, ends and errors go both ways", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [flag, "--no-warnings", rig]);
    expect(JSON.parse(stdout)).toEqual({
      reading: { whole: true, pumped: true },
      sources: { word: "word", nested: "abb", foreign: "cd" },
      iterating: { whole: true, batched: true, bounded: true },
      writing: { whole: true, back: true, all: true },
      failing: { reader: true, pipe: true, native: true, abort: true, left: true },
    });
  });
});
