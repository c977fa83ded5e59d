import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { turnTime } from "./turn-time.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

test("a turn takes as long as those before, one mishap aside", async () => {
  let clock = 1_000;
  vi.spyOn(performance, "now").mockImplementation(() => clock);
  const pass = async (turns: number, ms: number): Promise<number> => {
    for (let turn = 0; turn < turns; turn++) {
      turnTime(clock);
      await nextTurn();
      clock += ms;
    }
    return turnTime(clock);
  };
  expect(await pass(20, 20)).toBe(20);
  expect(await pass(400, 0.5)).toBe(0.5);
  const mishap = async (): Promise<number> => {
    // What is being measured is over, and it is time for the next.
    await nextTurn();
    await nextTurn();
    clock += 20;
    turnTime(clock);
    await nextTurn();
    clock += 300;
    await nextTurn();
    return turnTime(clock);
  };
  expect(await mishap()).toBe(0.5);
  expect(await mishap()).toBe(300);
  expect(await pass(400, 20_000)).toBe(1_000);
});
