import { afterEach, describe, expect, test } from "vitest";
import { isSettled } from "./is-settled.ts";
import { virtualClock } from "./virtual-clock.ts";
import { waitFor } from "./wait-for.ts";

describe("virtualClock()", () => {
  test("stands still until it is advanced", async () => {
    const clock = virtualClock();
    expect(clock.now()).toBe(0);
    const seen: number[] = [];
    for (const ms of [30, 10, 20]) clock.setTimeout(() => seen.push(clock.now()), ms);
    expect(await isSettled(new Promise<void>((resolve) => clock.setTimeout(resolve, 10)))).toBe(
      false,
    );
    expect(seen).toEqual([]);
    await clock.advance(20);
    expect(seen).toEqual([10, 20]);
    await clock.advance(10);
    expect(seen).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(30);
  });

  test("runs what a timer sets off before the next timer", async () => {
    const clock = virtualClock();
    const seen: string[] = [];
    const sleep = (ms: number): Promise<void> =>
      new Promise((resolve) => clock.setTimeout(resolve, ms));
    const chain = async (): Promise<void> => {
      for (const step of [1, 2, 3]) {
        await sleep(10);
        seen.push(`chain ${step} at ${clock.now()}`);
      }
    };
    clock.setTimeout(() => seen.push(`timer at ${clock.now()}`), 15);
    const done = chain();
    await clock.advance(30);
    await done;
    expect(seen).toEqual(["chain 1 at 10", "timer at 15", "chain 2 at 20", "chain 3 at 30"]);
  });

  test("lets a stream run between two timers", async () => {
    const clock = virtualClock();
    const times: number[] = [];
    const slow = new WritableStream<number>({
      write: () => new Promise((resolve) => clock.setTimeout(resolve, 5)),
    });
    const source = new ReadableStream<number>({
      pull: (controller) => {
        times.push(clock.now());
        if (times.length > 10) controller.close();
        else controller.enqueue(times.length);
      },
    });
    const piped = source.pipeThrough(new TransformStream()).pipeTo(slow);
    await clock.advance(50);
    await piped;
    expect(times.at(-1)).toBeGreaterThanOrEqual(30);
    expect(clock.now()).toBe(50);
  });

  test("repeats an interval until it is cleared", async () => {
    const clock = virtualClock();
    const seen: number[] = [];
    const interval = clock.setInterval(() => seen.push(clock.now()), 10);
    await clock.advance(35);
    clock.clearInterval(interval);
    await clock.advance(100);
    expect(seen).toEqual([10, 20, 30]);
  });

  test("counts the timers that wait", () => {
    const clock = virtualClock();
    const timer = clock.setTimeout(() => {}, 1);
    clock.setInterval(() => {}, 1);
    expect(clock.pendingTimers).toBe(2);
    clock.clearTimeout(timer);
    clock.clearTimeout(undefined);
    expect(clock.pendingTimers).toBe(1);
  });

  test("keeps fractions of a millisecond", async () => {
    const clock = virtualClock();
    await clock.advance(0.25);
    await clock.advance(0.25);
    expect(clock.now()).toBe(0.5);
  });

  test("advances one call after the other", async () => {
    const clock = virtualClock();
    const seen: number[] = [];
    clock.setInterval(() => seen.push(clock.now()), 10);
    await Promise.all([clock.advance(20), clock.advance(20)]);
    expect(seen).toEqual([10, 20, 30, 40]);
  });

  test("rejects with what a timer threw, and goes on", async () => {
    const clock = virtualClock();
    const error = new Error("the timer broke");
    let ran = false;
    clock.setTimeout(() => {
      throw error;
    }, 1);
    clock.setTimeout(() => {
      ran = true;
    }, 2);
    await expect(clock.advance(5)).rejects.toBe(error);
    expect([ran, clock.now()]).toEqual([true, 5]);
    await clock.advance(5);
    expect(clock.now()).toBe(10);
  });

  test("refuses what is no time", async () => {
    expect(() => virtualClock({ epochMs: -1 })).toThrow(RangeError);
    await expect(virtualClock().advance(-1)).rejects.toThrow(RangeError);
    await expect(virtualClock().advance(Number.NaN)).rejects.toThrow("Cannot use option ms");
  });

  describe("install()", () => {
    let restore: (() => void) | undefined;
    afterEach(() => restore?.());

    test("takes the place of the globals, and gives them back", async () => {
      const before = [Date, setTimeout, clearTimeout, setInterval, clearInterval, performance.now];
      const clock = virtualClock({ epochMs: 1_000 });
      restore = clock.install();
      expect([performance.now(), Date.now(), new Date().getTime()]).toEqual([0, 1_000, 1_000]);
      const seen: number[] = [];
      const interval = setInterval(() => seen.push(performance.now()), 40);
      const timer = setTimeout(() => seen.push(-1), 50);
      clearTimeout(timer);
      await clock.advance(100);
      clearInterval(interval);
      expect(seen).toEqual([40, 80]);
      expect([performance.now(), Date.now(), clock.pendingTimers]).toEqual([100, 1_100, 0]);

      restore();
      const after = [Date, setTimeout, clearTimeout, setInterval, clearInterval, performance.now];
      expect(after.map((value, index) => value === before[index])).not.toContain(false);
      expect(Object.hasOwn(performance, "now")).toBe(false);
    });

    test("leaves turns, and this kit, in real time", async () => {
      restore = virtualClock().install();
      expect(await isSettled(Promise.resolve())).toBe(true);
      expect(await isSettled(new Promise((resolve) => setTimeout(resolve, 1)))).toBe(false);
      await expect(waitFor(() => false, { timeoutMs: 5 })).rejects.toThrow("the limit is 5 ms");
    });

    test("clears a native timer that was started before", async () => {
      let ran = false;
      const native = setTimeout(() => {
        ran = true;
      }, 0);
      const later = new Promise((resolve) => setTimeout(resolve, 5));
      restore = virtualClock().install();
      clearTimeout(native);
      restore();
      await later;
      expect(ran).toBe(false);
    });

    test("refuses to be installed twice", () => {
      const clock = virtualClock();
      restore = clock.install();
      expect(() => clock.install()).toThrow("it is installed already");
      restore();
      restore = clock.install();
      expect(Date.now()).toBe(0);
    });

    test("stacks: the clock installed last leaves first", () => {
      const [outer, inner] = [virtualClock({ epochMs: 1 }), virtualClock({ epochMs: 2 })];
      restore = outer.install();
      const restoreInner = inner.install();
      expect(Date.now()).toBe(2);
      restoreInner();
      expect(Date.now()).toBe(1);
    });
  });
});
