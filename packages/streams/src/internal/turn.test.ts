import { describe, expect, test } from "vitest";
import { afterTurn, isTurnOver } from "./turn.ts";

function busy(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** Chunks of so many milliseconds that fit a turn; each call has one of its own. */
async function chunksOf(ms: number): Promise<number> {
  await nextTurn();
  let chunks = 0;
  while (!isTurnOver()) {
    busy(ms);
    chunks++;
  }
  return chunks;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    afterTurn(resolve);
  });
}

describe("a turn", () => {
  test("takes time, not chunks: it is over for few slow ones", async () => {
    expect(await chunksOf(3)).toBeLessThanOrEqual(24);
    // It has learned by now.
    expect(await chunksOf(3)).toBeLessThanOrEqual(10);
  });

  test("goes on for many fast ones", async () => {
    await chunksOf(0);
    expect(await chunksOf(0)).toBeGreaterThan(200);
  });

  test("is one for all runs until the event loop has turned", async () => {
    await chunksOf(0);
    let more = 0;
    for (let run = 0; run < 100; run++) {
      // Microtasks are no turn.
      await Promise.resolve();
      if (!isTurnOver()) more++;
    }
    expect(more).toBe(0);
    expect(await chunksOf(0)).toBeGreaterThan(200);
  });
});

describe("afterTurn()", () => {
  test("calls back in order, after everything that was queued", async () => {
    const order: string[] = [];
    afterTurn(() => order.push("first"));
    void Promise.resolve().then(() => order.push("microtask"));
    await new Promise<void>((resolve) => {
      afterTurn(() => {
        order.push("second");
        resolve();
      });
    });
    expect(order).toEqual(["microtask", "first", "second"]);
  });
});
