import { describe, expect, test } from "vitest";
import { afterTurn, enterTurn, isTurnOver, leaveTurn } from "./turn.ts";

function busy(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** Chunks of so many milliseconds that fit a turn. */
function chunksOf(ms: number): number {
  enterTurn();
  let chunks = 0;
  while (!isTurnOver()) {
    busy(ms);
    chunks++;
  }
  leaveTurn();
  return chunks;
}

describe("a turn", () => {
  test("takes time, not chunks: it is over for few slow ones", () => {
    expect(chunksOf(3)).toBeLessThanOrEqual(24);
    // It has learned by now.
    expect(chunksOf(3)).toBeLessThanOrEqual(10);
  });

  test("goes on for many fast ones", () => {
    chunksOf(0);
    expect(chunksOf(0)).toBeGreaterThan(200);
  });

  test("is one for calls within calls", () => {
    enterTurn();
    while (!isTurnOver()) busy(1);
    // A pump within the turn of another does not start anew.
    enterTurn();
    let more = 0;
    while (!isTurnOver()) more++;
    leaveTurn();
    leaveTurn();
    expect(more).toBeLessThanOrEqual(64);
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
