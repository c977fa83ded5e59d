import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { Deque } from "./deque.ts";

describe("Deque", () => {
  test("lets go of what has left", async () => {
    const deque = new Deque<object>();
    let cleared = 0;
    const registry = new FinalizationRegistry(() => cleared++);
    for (let turn = 0; turn < 40; turn++) {
      const chunk = {};
      registry.register(chunk, turn);
      if (turn < 24) deque.push({ chunk, size: 1, time: 0 });
      else deque.cycle(chunk, 1);
      if (turn === 22) deque.remove(deque.first + 3);
      if (turn === 23) deque.takeOut((_, position) => position % 2 === 0);
    }
    const { length } = deque;
    expect(length).toBeLessThan(40);
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    for (let turn = 0; turn < 5; turn++) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    // The loop's last chunk may still be in a register.
    expect(cleared).toBeGreaterThanOrEqual(40 - length - 1);
    expect(deque.length).toBe(length);
  });
});
