import { afterEach, describe, expect, test, vi } from "vitest";
import { isSettled } from "./is-settled.ts";
import { waitFor } from "./wait-for.ts";

describe("waitFor()", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test("resolves when the predicate holds at once", async () => {
    await waitFor(() => true, { timeoutMs: 0 });
  });

  test("looks again until the predicate holds", async () => {
    let looks = 0;
    await waitFor(() => (looks += 1) === 5);
    expect(looks).toBe(5);
  });

  test("takes a predicate that answers later", async () => {
    let looks = 0;
    await waitFor(async () => {
      looks += 1;
      return isSettled(looks === 3 ? Promise.resolve() : new Promise(() => {}));
    });
    expect(looks).toBe(3);
  });

  test("rejects at the bound and says what was awaited and for how long", async () => {
    const wait = waitFor(() => false, { timeoutMs: 20, message: "the viewer" });
    await expect(wait).rejects.toThrow(
      /^Cannot wait longer for the viewer: \d+ ms passed and the limit is 20 ms$/,
    );
  });

  test("keeps the bound when the predicate never answers", async () => {
    const wait = waitFor(() => new Promise<boolean>(() => {}), { timeoutMs: 20 });
    await expect(wait).rejects.toThrow("Cannot wait longer for the condition");
  });

  test("rejects with what the predicate throws", async () => {
    const error = new Error("no such socket");
    const wait = waitFor(() => {
      throw error;
    });
    await expect(wait).rejects.toBe(error);
  });

  test("rejects with the reason of its signal, before and during the wait", async () => {
    const controller = new AbortController();
    const reason = new Error("the test is over");
    const wait = waitFor(() => false, { signal: controller.signal });
    controller.abort(reason);
    await expect(wait).rejects.toBe(reason);
    await expect(waitFor(() => true, { signal: controller.signal })).rejects.toBe(reason);
  });

  test("looks no more when it is over", async () => {
    let looks = 0;
    const wait = waitFor(
      () => {
        looks += 1;
        return false;
      },
      { timeoutMs: 10 },
    );
    await expect(wait).rejects.toThrow();
    const seen = looks;
    await waitFor(() => true);
    await isSettled(new Promise(() => {}));
    expect(looks).toBe(seen);
  });

  test("runs in real time under fake timers", async () => {
    vi.useFakeTimers();
    let looks = 0;
    await waitFor(() => (looks += 1) > 2);
    await expect(waitFor(() => false, { timeoutMs: 5 })).rejects.toThrow("the limit is 5 ms");
  });

  test("refuses a bound no timer takes", async () => {
    await expect(waitFor(() => true, { timeoutMs: -1 })).rejects.toThrow(RangeError);
    await expect(waitFor(() => true, { timeoutMs: Number.NaN })).rejects.toThrow(RangeError);
    await expect(waitFor(() => true, { timeoutMs: Infinity })).rejects.toThrow(
      "Cannot use option timeoutMs: got Infinity, want a number from 0 to 2147483647",
    );
  });
});
