import { describe, expect, test } from "vitest";
import { isSettled } from "./is-settled.ts";
import { scriptedSource, type SourceStep } from "./scripted-source.ts";
import { settle } from "./settle.ts";
import { virtualClock } from "./virtual-clock.ts";

describe("scriptedSource()", () => {
  test("gives its chunks when asked, one at a time, then closes", async () => {
    const source = scriptedSource([{ chunks: ["a", "b"] }, { chunks: ["c"] }]);
    await settle();
    expect([source.pulls, source.sent]).toEqual([0, []]);
    const reader = source.readable.getReader();
    expect(await reader.read()).toEqual({ done: false, value: "a" });
    await settle();
    expect([source.pulls, source.sent]).toEqual([1, ["a"]]);
    expect((await reader.read()).value).toBe("b");
    expect((await reader.read()).value).toBe("c");
    expect(source.end).toBeUndefined();
    expect((await reader.read()).done).toBe(true);
    expect(await source.ended).toEqual({ how: "closed" });
    expect(source.pulls).toBe(4);
  });

  test("is a stream of the platform, and works ahead as far as it is told", async () => {
    const source = scriptedSource([{ chunks: [1, 2, 3, 4] }], { highWaterMark: 2 });
    expect(source.readable).toBeInstanceOf(ReadableStream);
    await settle();
    expect(source.sent).toEqual([1, 2]);
  });

  test("takes chunks from their iterable one by one, and lets it clean up", async () => {
    let [made, cleaned] = [0, false];
    function* endless(): Generator<number> {
      try {
        for (;;) yield (made += 1);
      } finally {
        cleaned = true;
      }
    }
    const source = scriptedSource([{ chunks: endless() }]);
    const reader = source.readable.getReader();
    await reader.read();
    await reader.read();
    expect([made, cleaned]).toEqual([2, false]);
    await reader.cancel();
    expect([made, cleaned]).toEqual([2, true]);
  });

  test("keeps a read waiting on the clock", async () => {
    const clock = virtualClock();
    const source = scriptedSource([{ waitMs: 50 }, { chunks: [1] }], { clock });
    const read = source.readable.getReader().read();
    await clock.advance(49);
    expect(await isSettled(read)).toBe(false);
    await clock.advance(1);
    expect(await read).toEqual({ done: false, value: 1 });
    expect(clock.pendingTimers).toBe(0);
  });

  test("waits on the global timers of the moment", async () => {
    const source = scriptedSource([{ waitMs: 50 }, { chunks: [1] }]);
    const clock = virtualClock();
    const restore = clock.install();
    try {
      const read = source.readable.getReader().read();
      await clock.advance(50);
      expect(await isSettled(read)).toBe(true);
    } finally {
      restore();
    }
  });

  test("stalls until it is released, by its script and on demand", async () => {
    const source = scriptedSource([{ chunks: [1] }, "stall", { chunks: [2, 3] }]);
    const reader = source.readable.getReader();
    expect((await reader.read()).value).toBe(1);
    const second = reader.read();
    expect([await isSettled(second), source.stalled]).toEqual([false, true]);
    source.release();
    expect((await second).value).toBe(2);
    expect(source.stalled).toBe(false);

    source.stall();
    const third = reader.read();
    expect([await isSettled(third), source.stalled]).toEqual([false, true]);
    source.release();
    expect((await third).value).toBe(3);
  });

  test("takes a stall back that nobody came to", async () => {
    const source = scriptedSource([{ chunks: [1] }]);
    source.stall();
    source.release();
    expect((await source.readable.getReader().read()).value).toBe(1);
    expect(() => source.release()).toThrow("Cannot release the source: it is not stalled");
  });

  test("breaks where its script says so", async () => {
    const reason = new Error("gone");
    const source = scriptedSource<number>([{ chunks: [1] }, { error: reason }]);
    const reader = source.readable.getReader();
    await reader.read();
    await expect(reader.read()).rejects.toBe(reason);
    expect(await source.ended).toEqual({ how: "errored", reason });
  });

  test("breaks when its iterable does", async () => {
    const reason = new Error("no more");
    function* broken(): Generator<number> {
      yield 1;
      throw reason;
    }
    const source = scriptedSource([{ chunks: broken() }]);
    const reader = source.readable.getReader();
    await reader.read();
    await expect(reader.read()).rejects.toBe(reason);
    expect(source.end).toEqual({ how: "errored", reason });
  });

  test.each(["close", "error"] as const)("ends on demand: %s()", async (how) => {
    const clock = virtualClock();
    const steps: SourceStep<number>[] = [{ chunks: [1] }, { waitMs: 50 }, { chunks: [2] }];
    const source = scriptedSource(steps, { clock });
    const reader = source.readable.getReader();
    await reader.read();
    const waiting = reader.read();
    await settle();
    expect(clock.pendingTimers).toBe(1);
    source[how]("enough");
    const [result] = await Promise.allSettled([waiting]);
    expect(result?.status).toBe(how === "close" ? "fulfilled" : "rejected");
    expect(source.end?.how).toBe(how === "close" ? "closed" : "errored");
    await settle();
    expect(clock.pendingTimers).toBe(0);
    source.error("too late");
    source.close();
    expect(source.end?.reason).toBe(how === "close" ? undefined : "enough");
  });

  test.each(["at rest", "waiting", "stalled"] as const)(
    "keeps the cancel it got %s",
    async (when) => {
      const clock = virtualClock();
      const step = when === "waiting" ? { waitMs: 50 } : ("stall" as const);
      const source = scriptedSource<number>([step], { clock });
      const reader = source.readable.getReader();
      const read = when === "at rest" ? undefined : reader.read();
      await settle();
      const reason = new Error("left");
      await reader.cancel(reason);
      await read;
      expect(await source.ended).toEqual({ how: "cancelled", reason });
      await settle();
      expect([clock.pendingTimers, source.stalled]).toEqual([0, false]);
      source.error(new Error("too late"));
      expect(source.end?.how).toBe("cancelled");
    },
  );

  test.each([
    [[{ waitMs: -1 }], RangeError, "Cannot use option waitMs: got -1"],
    [[{ chunks: 3 }], TypeError, "Cannot use option script: got object"],
    [["pause"], TypeError, "Cannot use option script: got string"],
    [[null], TypeError, "Cannot use option script: got null"],
  ])("refuses the script %j", (script, kind, message) => {
    const make = (): unknown => scriptedSource(script as SourceStep<number>[]);
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });

  test("refuses a mark that is no size", () => {
    expect(() => scriptedSource([], { highWaterMark: Number.NaN })).toThrow(RangeError);
  });
});
