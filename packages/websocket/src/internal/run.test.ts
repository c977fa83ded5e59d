import { describe, expect, test } from "vitest";
import { frame } from "../frame.ts";
import { MAX_COPY } from "./batch.ts";
import { encodedRun } from "./run.ts";

const small = () =>
  frame("a message of some length, of some length, of some length", { compress: true });

describe("encodedRun()", () => {
  test("is made once for all who are given the same array, in the same way", () => {
    const chunks = [small(), small()];
    const [plain, packed] = [encodedRun(chunks, undefined), encodedRun(chunks, 15)];
    expect(encodedRun(chunks, undefined)).toBe(plain);
    expect(encodedRun(chunks, 15)).toBe(packed);
    expect(packed?.byteLength).toBeLessThan(plain?.byteLength as number);
    expect(encodedRun([...chunks], undefined)).not.toBe(plain);
  });

  test("is forgotten with the turn", async () => {
    const chunks = [small()];
    const first = encodedRun(chunks, undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(encodedRun(chunks, undefined)).not.toBe(first);
  });

  test.each([
    ["text", "text"],
    ["bytes", new Uint8Array(1)],
    ["a large frame", frame(new Uint8Array(MAX_COPY + 1))],
    ["a frame that is given back", frame(new Uint8Array(1), { release: () => {} })],
  ])("is not made of %s", (_, chunk) => {
    expect(encodedRun([small(), chunk], undefined)).toBeUndefined();
  });
});
