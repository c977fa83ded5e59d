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
    const { port1, port2 } = new MessageChannel();
    const message = new Promise((resolve) => {
      port1.addEventListener("message", resolve, { once: true });
    });
    port1.start();
    port2.postMessage("a turn");
    expect(await isSettled(message)).toBe(true);
    port1.close();
  });

  test("does not wait for a timer", async () => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = new Promise((resolve) => {
      timer = setTimeout(resolve, 60_000);
    });
    expect(await isSettled(later)).toBe(false);
    clearTimeout(timer);
  });

  test("answers under fake timers", async () => {
    vi.useFakeTimers();
    const timer = new Promise((resolve) => setTimeout(resolve, 10));
    expect(await isSettled(timer)).toBe(false);
    vi.advanceTimersByTime(10);
    expect(await isSettled(timer)).toBe(true);
  });
});
