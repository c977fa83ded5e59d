import { afterEach, describe, expect, test, vi } from "vitest";
import { settle } from "./settle.ts";

describe("settle()", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test("lets a chain of streams come to rest", async () => {
    let pulls = 0;
    const source = new ReadableStream<number>({
      pull: (controller) => controller.enqueue((pulls += 1)),
    });
    const readable = source.pipeThrough(new TransformStream()).pipeThrough(new TransformStream());
    await settle();
    const atRest = pulls;
    expect(atRest).toBeGreaterThan(1);
    await settle();
    expect(pulls).toBe(atRest);
    await readable.cancel();
  });

  test("waits for no timer, and works under fake ones", async () => {
    vi.useFakeTimers();
    let ran = false;
    setTimeout(() => {
      ran = true;
    }, 0);
    await settle();
    expect(ran).toBe(false);
  });
});
