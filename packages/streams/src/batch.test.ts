import { isSettled, settle } from "@spillway/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { endsOf, pipeAll, ways } from "../test/ends-of.ts";
import { batch, type BatchOptions } from "./batch.ts";

const coded = (code: string): unknown => expect.objectContaining({ code });

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("batch()", () => {
  test.each(ways)("gathers so many chunks, and gives what is left at the end (%s)", async (way) => {
    const batches = await pipeAll(way, [1, 2, 3, 4, 5, 6, 7], batch({ maxCount: 3 }));
    expect(batches).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
  });

  test.each(ways)("gives no empty batch (%s)", async (way) => {
    expect(await pipeAll(way, [], batch({ maxCount: 3 }))).toEqual([]);
    expect(await pipeAll(way, [1, 2, 3], batch({ maxCount: 3 }))).toEqual([[1, 2, 3]]);
  });

  test.each([
    [
      "starts the next batch with a chunk that would exceed it",
      ["aaa", "bb", "c"],
      [["aaa"], ["bb", "c"]],
    ],
    ["gives a batch that meets it exactly", ["aa", "bb", "c"], [["aa", "bb"], ["c"]]],
    ["makes a larger chunk a batch alone", ["a", "bbbbbb", "c"], [["a"], ["bbbbbb"], ["c"]]],
    ["starts with a larger chunk", ["aaaaaa", "b"], [["aaaaaa"], ["b"]]],
    ["gathers empty chunks", ["", "", "aaaa", ""], [["", "", "aaaa"], [""]]],
  ])("of maxBytes %s", async (_, chunks, batches) => {
    for (const way of ways) {
      expect(await pipeAll(way, chunks, batch({ maxBytes: 4 }))).toEqual(batches);
    }
  });

  test("measures with size, and bytes by themselves", async () => {
    const bytes = [new Uint8Array(3), new ArrayBuffer(2), new Uint8Array(1)];
    expect(await pipeAll("direct", bytes, batch({ maxBytes: 4 }))).toHaveLength(2);
    const options: BatchOptions<{ weight: number }> = { maxBytes: 4, size: ({ weight }) => weight };
    const weights = [{ weight: 3 }, { weight: 2 }];
    expect(await pipeAll("direct", weights, batch(options))).toHaveLength(2);
  });

  test("is bounded when no bound is given", async () => {
    const chunks = Array.from({ length: 1025 }, (_, index) => index);
    const batches = await pipeAll("direct", chunks, batch());
    expect(batches.map(({ length }) => length)).toEqual([1024, 1]);
  });

  test("gives a batch when its first chunk has waited so long", async () => {
    const pair = endsOf(batch<number>({ maxDelayMs: 100 }));
    const read = pair.read();
    await pair.write(1);
    await vi.advanceTimersByTimeAsync(60);
    await pair.write(2);
    await vi.advanceTimersByTimeAsync(39);
    expect(await isSettled(read)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await read).toEqual({ done: false, value: [1, 2] });
    expect(vi.getTimerCount()).toBe(0);
    const next = pair.read();
    await pair.write(3);
    await vi.advanceTimersByTimeAsync(99);
    expect(await isSettled(next)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await next).toEqual({ done: false, value: [3] });
  });

  test("stops the clock of a batch that filled up before", async () => {
    const pair = endsOf(batch<number>({ maxCount: 2, maxDelayMs: 100 }));
    const read = pair.read();
    await pair.write(1);
    expect(vi.getTimerCount()).toBe(1);
    await pair.write(2);
    expect(await read).toEqual({ done: false, value: [1, 2] });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("takes in what comes before the next timers run, with no delay", async () => {
    const pair = endsOf(batch<number>({ maxDelayMs: 0 }));
    const read = pair.read();
    for (const chunk of [1, 2, 3]) await pair.write(chunk);
    await vi.advanceTimersByTimeAsync(1);
    expect(await read).toEqual({ done: false, value: [1, 2, 3] });
  });

  describe("while the consumer stalls", () => {
    test("gathers one batch, then holds the producer", async () => {
      const pair = endsOf(batch<number>({ maxCount: 3 }));
      for (const chunk of [1, 2, 3]) await pair.write(chunk);
      const held = pair.write(4);
      expect(await isSettled(held)).toBe(false);
      expect(await pair.read()).toEqual({ done: false, value: [1, 2, 3] });
      await held;
    });

    test("holds a chunk that would exceed maxBytes", async () => {
      const pair = endsOf(batch<string>({ maxBytes: 4 }));
      await pair.write("aaa");
      const held = pair.write("bb");
      expect(await isSettled(held)).toBe(false);
      expect(await pair.read()).toEqual({ done: false, value: ["aaa"] });
      await held;
      await pair.writer.close();
      expect(await pair.readAll()).toEqual([["bb"]]);
    });

    test("lets a batch whose delay is over grow, with no timer at work", async () => {
      const pair = endsOf(batch<number>({ maxCount: 3, maxDelayMs: 100 }));
      await pair.write(1);
      await vi.advanceTimersByTimeAsync(100);
      expect(vi.getTimerCount()).toBe(0);
      await pair.write(2);
      expect(vi.getTimerCount()).toBe(0);
      // It is due: no more waiting once it is wanted.
      expect(await pair.read()).toEqual({ done: false, value: [1, 2] });
    });

    test("works ahead as far as its readableStrategy says", async () => {
      const pair = endsOf(batch<number>({ maxCount: 2, readableStrategy: { highWaterMark: 2 } }));
      for (const chunk of [1, 2, 3, 4, 5, 6]) await pair.write(chunk);
      expect(await isSettled(pair.write(7))).toBe(false);
      for (const value of [
        [1, 2],
        [3, 4],
        [5, 6],
      ]) {
        expect(await pair.read()).toEqual({ done: false, value });
      }
    });
  });

  describe("leaves no timer behind", () => {
    const reason = new Error("over");
    const begin = async () => {
      const pair = endsOf(batch<number>({ maxDelayMs: 100 }));
      const read = pair.read();
      await pair.write(1);
      expect(vi.getTimerCount()).toBe(1);
      return { pair, read };
    };

    test("when it is closed, and gives what it has", async () => {
      const { pair, read } = await begin();
      await pair.writer.close();
      expect(vi.getTimerCount()).toBe(0);
      expect(await read).toEqual({ done: false, value: [1] });
      expect(await pair.read()).toEqual({ done: true, value: undefined });
    });

    test("when it is closed with nobody reading", async () => {
      const pair = endsOf(batch<number>({ maxDelayMs: 100 }));
      await pair.write(1);
      await pair.writer.close();
      expect(vi.getTimerCount()).toBe(0);
      expect(await isSettled(pair.reader.closed)).toBe(false);
      expect(await pair.readAll()).toEqual([[1]]);
    });

    test("when it is aborted", async () => {
      const { pair, read } = await begin();
      await pair.writer.abort(reason);
      expect(vi.getTimerCount()).toBe(0);
      await expect(read).rejects.toBe(reason);
    });

    test("when it is cancelled", async () => {
      const { pair, read } = await begin();
      await pair.reader.cancel(reason);
      expect(vi.getTimerCount()).toBe(0);
      expect(await read).toEqual({ done: true, value: undefined });
      await expect(pair.write(2)).rejects.toBe(reason);
    });

    test("when a chunk cannot be measured", async () => {
      const pair = endsOf(batch<unknown>({ maxBytes: 10, maxDelayMs: 100 }));
      const read = pair.read();
      await pair.write("a");
      await expect(pair.write({ no: "length" })).rejects.toEqual(coded("SPW_ERR_CHUNK"));
      await expect(read).rejects.toEqual(coded("SPW_ERR_CHUNK"));
      expect(vi.getTimerCount()).toBe(0);
    });

    test("when a batch cannot be measured, though a chunk is on its way", async () => {
      const size = (): number => {
        throw reason;
      };
      const readableStrategy = { highWaterMark: 1, size };
      const pair = endsOf(batch<string>({ maxBytes: 4, maxDelayMs: 100, readableStrategy }));
      await pair.write("aaa");
      await pair.write("bbb").catch(() => {});
      await expect(pair.writer.closed).rejects.toEqual(coded("SPW_ERR_CHUNK"));
      expect(vi.getTimerCount()).toBe(0);
    });

    test("when the consumer fails as it is handed a batch", async () => {
      const stage = batch<string>({ maxBytes: 4, maxDelayMs: 100 });
      const piped = stage.readable.pipeTo(
        new WritableStream({
          write: () => {
            throw reason;
          },
        }),
      );
      const writer = stage.writable.getWriter();
      for (const promise of [writer.ready, writer.closed, piped]) promise.catch(() => {});
      for (const chunk of ["aaa", "bbb", "ccc"]) writer.write(chunk).catch(() => {});
      await settle();
      await expect(piped).rejects.toBe(reason);
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  test.each([
    [
      "throws",
      (): number => {
        throw new Error("size");
      },
    ],
    ["gives no number", (): number => Number.NaN],
    ["gives less than nothing", (): number => -1],
  ])("errors both sides when size %s", async (_, size) => {
    const pair = endsOf(batch<string>({ maxBytes: 4, size }));
    const read = pair.read();
    await expect(pair.write("a")).rejects.toEqual(coded("SPW_ERR_CHUNK"));
    await expect(read).rejects.toEqual(coded("SPW_ERR_CHUNK"));
  });

  test.each([
    [{ maxCount: 0 }],
    [{ maxCount: 1.5 }],
    [{ maxBytes: 0 }],
    [{ maxDelayMs: -1 }],
    [{ maxDelayMs: 2 ** 31 }],
    [{ maxDelayMs: "1" as never }],
    [{ size: 1 as never }],
  ])("refuses %o", (options) => {
    expect(() => batch(options)).toThrow(coded("SPW_ERR_OPTION"));
  });
});
