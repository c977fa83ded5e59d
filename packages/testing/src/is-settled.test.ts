import { afterEach, describe, expect, test, vi } from "vitest";
import { isSettled } from "./is-settled.ts";

describe("isSettled()", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test("is false for a promise that is pending", async () => {
    expect(await isSettled(new Promise(() => {}))).toBe(false);
  });

  test("is true for a promise that is fulfilled or rejected", async () => {
    expect(await isSettled(Promise.resolve(1))).toBe(true);
    expect(await isSettled(Promise.reject(new Error("refused")))).toBe(true);
  });

  test("sees the end of a long chain of microtasks", async () => {
    let chain = Promise.resolve();
    for (let link = 0; link < 1_000; link += 1) chain = chain.then(() => {});
    expect(await isSettled(chain)).toBe(true);
  });

  test("sees what the next turn of the event loop settles", async () => {
    expect(await isSettled(new Promise((resolve) => setImmediate(resolve)))).toBe(true);
  });

  test("does not wait for a timer", async () => {
    const timer = new Promise((resolve) => setTimeout(resolve, 60_000).unref());
    expect(await isSettled(timer)).toBe(false);
  });

  test("answers under fake timers", async () => {
    vi.useFakeTimers();
    const timer = new Promise((resolve) => setTimeout(resolve, 10));
    expect(await isSettled(timer)).toBe(false);
    vi.advanceTimersByTime(10);
    expect(await isSettled(timer)).toBe(true);
  });
});
