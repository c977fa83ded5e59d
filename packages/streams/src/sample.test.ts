import { isSettled, settle } from "@spillway/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { endsOf, handled, pipeAll, via, ways } from "../test/ends-of.ts";
import type { DropReason } from "./policy.ts";
import { sample } from "./sample.ts";
import { sink } from "./sink.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("sample()", () => {
  test.each(ways)("lets the newest chunk of each period pass (%s)", async (way) => {
    const log: [number, number][] = [];
    const startedAt = performance.now();
    const stage = sample<number>({ everyMs: 100 });
    const piped = via(way, stage.readable).pipeTo(
      sink({ write: (chunk) => void log.push([performance.now() - startedAt, chunk]) }),
    );
    const writer = stage.writable.getWriter();
    for (let chunk = 0; chunk < 25; chunk++) {
      await writer.write(chunk);
      await vi.advanceTimersByTimeAsync(10);
    }
    await writer.close();
    await piped;
    expect(log).toEqual([
      [0, 0],
      [100, 9],
      [200, 19],
      [250, 24],
    ]);
    expect(stage.stats()).toEqual({
      offered: 25,
      delivered: 4,
      queued: 0,
      queuedSize: 0,
      dropped: { chunks: 21, size: 21, reasons: { replaced: { chunks: 21, size: 21 } } },
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each(ways)("gives the last of what comes at once (%s)", async (way) => {
    const chunks = Array.from({ length: 1000 }, (_, index) => index);
    const received = await pipeAll(way, chunks, sample({ everyMs: 100 }));
    expect(received.length).toBeLessThanOrEqual(2);
    expect(received.at(-1)).toBe(999);
  });

  test("lets everything pass that comes slowly", async () => {
    const pair = endsOf(sample<number>({ everyMs: 100 }));
    for (let chunk = 0; chunk < 3; chunk++) {
      const read = pair.read();
      await pair.write(chunk);
      expect(await read).toEqual({ done: false, value: chunk });
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(vi.getTimerCount()).toBe(0);
  });

  test("keeps the newest for a consumer that stalls, with no timer at work", async () => {
    const drops: [number, DropReason][] = [];
    const stage = sample<number>({
      everyMs: 100,
      onDrop: ({ chunk }, reason) => drops.push([chunk, reason]),
    });
    const pair = endsOf(stage);
    for (let chunk = 0; chunk < 5; chunk++) {
      await pair.write(chunk);
      expect(vi.getTimerCount()).toBe(0);
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(stage.stats()).toMatchObject({ offered: 5, queued: 1 });
    expect(await pair.read()).toEqual({ done: false, value: 4 });
    expect(drops).toEqual([0, 1, 2, 3].map((chunk) => [chunk, "replaced"]));
  });

  test("counts a period from when the consumer took a chunk", async () => {
    const pair = endsOf(sample<number>({ everyMs: 100 }));
    await pair.write(1);
    await vi.advanceTimersByTimeAsync(990);
    await pair.read();
    await pair.write(2);
    const read = pair.read();
    await vi.advanceTimersByTimeAsync(99);
    expect(await isSettled(read)).toBe(false);
    await pair.write(3);
    await vi.advanceTimersByTimeAsync(1);
    expect(await read).toEqual({ done: false, value: 3 });
  });

  test("never holds the producer", async () => {
    const pair = endsOf(sample<number>({ everyMs: 1000 }));
    for (let chunk = 0; chunk < 100; chunk++) await pair.write(chunk);
    await pair.writer.close();
    expect(await isSettled(pair.reader.closed)).toBe(false);
    expect(await pair.readAll()).toEqual([99]);
    await pair.reader.closed;
  });

  test("reads the clock a few times in a period, not for each chunk", async () => {
    const now = vi.fn(() => performance.now());
    const pair = endsOf(sample<number>({ everyMs: 100, now }));
    const reads = [pair.read(), pair.read()];
    for (let chunk = 0; chunk < 1000; chunk++) await pair.write(chunk);
    await vi.advanceTimersByTimeAsync(100);
    expect(await Promise.all(reads)).toMatchObject([{ value: 0 }, { value: 999 }]);
    expect(now.mock.calls.length).toBeLessThan(10);
  });

  describe("leaves no timer behind", () => {
    const reason = new Error("over");
    const begin = async () => {
      const stage = sample<number>({ everyMs: 100 });
      const pair = endsOf(stage);
      const reads = [pair.read(), pair.read()];
      await pair.write(1);
      await pair.write(2);
      expect(vi.getTimerCount()).toBe(1);
      return { pair, stage, read: reads[1] as Promise<unknown> };
    };

    test("when it is closed, and gives the last chunk at once", async () => {
      const { pair, read } = await begin();
      await pair.writer.close();
      expect(vi.getTimerCount()).toBe(0);
      expect(await read).toEqual({ done: false, value: 2 });
      expect(await pair.read()).toEqual({ done: true, value: undefined });
    });

    test("when it is aborted", async () => {
      const { pair, stage, read } = await begin();
      await pair.writer.abort(reason);
      expect(vi.getTimerCount()).toBe(0);
      await expect(read).rejects.toBe(reason);
      expect(stage.stats()).toMatchObject({
        queued: 0,
        dropped: { reasons: { aborted: { chunks: 1 } } },
      });
    });

    test("when it is cancelled", async () => {
      const { pair, stage, read } = await begin();
      await pair.reader.cancel(reason);
      expect(vi.getTimerCount()).toBe(0);
      expect(await read).toEqual({ done: true, value: undefined });
      expect(stage.stats().dropped.reasons).toEqual({ cancelled: { chunks: 1, size: 1 } });
      await expect(pair.writer.closed).rejects.toBe(reason);
    });

    test("when it is cancelled behind its close", async () => {
      const stage = sample<number>({ everyMs: 100 });
      const pair = endsOf(stage);
      await pair.write(1);
      await pair.writer.close();
      await pair.reader.cancel(reason);
      expect(stage.stats()).toMatchObject({ delivered: 0, dropped: { chunks: 1 } });
    });

    test("when `onDrop` cancels it", async () => {
      const stage = sample<number>({
        everyMs: 100,
        onDrop: () => void handled(pair.reader.cancel(reason)),
      });
      const pair = endsOf(stage);
      const reads = [pair.read(), pair.read()];
      await pair.write(1);
      await pair.write(2);
      void handled(pair.write(3));
      await settle();
      expect(await reads[1]).toEqual({ done: true, value: undefined });
      expect(vi.getTimerCount()).toBe(0);
      expect(stage.stats()).toMatchObject({ offered: 3, delivered: 1, dropped: { chunks: 2 } });
    });
  });

  test.each([
    [{}],
    [{ everyMs: -1 }],
    [{ everyMs: 2 ** 31 }],
    [{ everyMs: "1" }],
    [{ everyMs: 1, onDrop: 1 }],
    [{ everyMs: 1, now: 1 }],
  ])("refuses %o", (options) => {
    const coded = expect.objectContaining({ code: "SPW_ERR_OPTION" });
    expect(() => sample(options as never)).toThrow(coded);
  });
});
