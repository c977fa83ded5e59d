import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { conflate } from "./conflate.ts";
import { BoundedQueue } from "./queue.ts";

describe("conflate()", () => {
  test("lets go of keys that never come again", async () => {
    let cleared = 0;
    const registry = new FinalizationRegistry(() => cleared++);
    const overflow = conflate<number>({
      key: (chunk) => {
        const key = {};
        registry.register(key, chunk);
        return key;
      },
    });
    const queue = new BoundedQueue<number>({ maxChunks: 2, overflow });
    for (let chunk = 0; chunk < 1_000; chunk++) queue.offer(chunk);
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    for (let turn = 0; turn < 5; turn++) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(cleared).toBeGreaterThan(950);
    expect(queue.length).toBe(2);
  });
});
