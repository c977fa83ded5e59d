import { isSettled, settle } from "@spillway/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { endsOf, handled, via, ways, type Way } from "../test/ends-of.ts";
import { fromIterable } from "./from-iterable.ts";
import { sink } from "./sink.ts";
import { throttle, type ThrottleOptions } from "./throttle.ts";

const coded = (code: string): unknown => expect.objectContaining({ code });

function* endlessly<T>(chunk: T): Generator<T> {
  for (;;) yield chunk;
}

/** Pipes chunks through a throttle into a log of when they came out. */
function flow<T>(
  way: Way,
  chunks: Iterable<T>,
  options: ThrottleOptions<T>,
): { readonly times: number[]; readonly piped: Promise<void>; readonly end: () => void } {
  const times: number[] = [];
  const controller = new AbortController();
  const startedAt = performance.now();
  const readable = via(way, fromIterable(chunks)).pipeThrough(throttle(options));
  const log = sink<T>({ write: () => void times.push(performance.now() - startedAt) });
  const piped = handled(via(way, readable).pipeTo(log, { signal: controller.signal }));
  return { times, piped, end: () => controller.abort() };
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe.each(ways)("throttle(), %s", (way) => {
  test("lets a burst pass at once, and the rest at its rate", async () => {
    const chunks = Array.from({ length: 7 }, (_, index) => index);
    const { times, piped } = flow(way, chunks, { perSecond: 10, burst: 4 });
    await vi.advanceTimersByTimeAsync(1000);
    await piped;
    expect(times).toEqual([0, 0, 0, 0, 100, 200, 300]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("lets pass at once what passes in a second, unless told otherwise", async () => {
    const { times, end } = flow(way, endlessly(1), { perSecond: 3 });
    await settle();
    expect(times).toEqual([0, 0, 0]);
    end();
  });

  test("spaces all chunks out without a burst", async () => {
    const { times, piped } = flow(way, [1, 2, 3], { perSecond: 4, burst: 0 });
    await vi.advanceTimersByTimeAsync(1000);
    await piped;
    expect(times).toEqual([0, 250, 500]);
  });

  test.each([
    [7, 10],
    [30, 4],
    [300, 0.5],
    [3000, 0.1],
  ])("keeps %d a second in the long run", async (perSecond, seconds) => {
    const { times, end } = flow(way, endlessly(1), { perSecond, burst: 1 });
    await vi.advanceTimersByTimeAsync(seconds * 1000);
    expect(times.length).toBeGreaterThanOrEqual(seconds * perSecond);
    expect(times.length).toBeLessThanOrEqual(seconds * perSecond + 1);
    end();
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("counts bytes, and pays for what is larger than the bucket", async () => {
    const chunks = [100, 250, 10, 10].map((length) => new Uint8Array(length));
    const { times, piped } = flow(way, chunks, { perSecond: 1000, burst: 100, unit: "bytes" });
    await vi.advanceTimersByTimeAsync(1000);
    await piped;
    // Full again after 100 ms; then 150 bytes of debt and 10 to pay.
    expect(times).toEqual([0, 100, 260, 270]);
  });

  test("measures with size", async () => {
    const { times, piped } = flow(way, [5, 5, 0, 5], {
      perSecond: 10,
      burst: 5,
      size: (chunk) => chunk,
    });
    await vi.advanceTimersByTimeAsync(2000);
    await piped;
    expect(times).toEqual([0, 500, 500, 1000]);
  });
});

describe("throttle()", () => {
  test("holds the producer", async () => {
    const pair = endsOf(throttle<number>({ perSecond: 10, burst: 1 }));
    const reads = [pair.read(), pair.read()];
    await pair.write(1);
    const second = pair.write(2);
    await vi.advanceTimersByTimeAsync(99);
    expect(await isSettled(second)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await second;
    expect(await Promise.all(reads)).toMatchObject([{ value: 1 }, { value: 2 }]);
  });

  test("runs no timer unless a chunk waits for the bucket alone", async () => {
    const pair = endsOf(throttle<number>({ perSecond: 10, burst: 1 }));
    void pair.write(1);
    void pair.write(2);
    await settle();
    expect(vi.getTimerCount()).toBe(0);
    await pair.read();
    await settle();
    expect(vi.getTimerCount()).toBe(0);
    const read = pair.read();
    await settle();
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(await read).toEqual({ done: false, value: 2 });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("saves up no more than a burst while the consumer stalls", async () => {
    const pair = endsOf(throttle<number>({ perSecond: 10, burst: 2 }));
    for (let chunk = 0; chunk < 10; chunk++) void pair.write(chunk);
    await vi.advanceTimersByTimeAsync(60_000);
    const reads = Array.from({ length: 4 }, () => pair.read());
    await settle();
    expect(await isSettled(reads[1] as Promise<unknown>)).toBe(true);
    expect(await isSettled(reads[2] as Promise<unknown>)).toBe(false);
    await vi.advanceTimersByTimeAsync(100);
    expect(await isSettled(reads[2] as Promise<unknown>)).toBe(true);
    expect(await isSettled(reads[3] as Promise<unknown>)).toBe(false);
  });

  test("makes up for a late timer, but not for an event loop that stood still", async () => {
    let time = 0;
    const pair = endsOf(throttle<number>({ perSecond: 100, burst: 1, now: () => time }));
    const delivered: number[] = [];
    const consume = async (): Promise<void> => {
      for (;;) delivered.push((await pair.reader.read()).value as number);
    };
    void handled(consume());
    for (let chunk = 0; chunk < 100; chunk++) void pair.write(chunk);
    await settle();
    expect(delivered).toHaveLength(1);
    time = 35;
    await vi.advanceTimersByTimeAsync(10);
    expect(delivered).toHaveLength(4);
    time = 10_035;
    await vi.advanceTimersByTimeAsync(10);
    // One from the bucket, five for 50 ms.
    expect(delivered).toHaveLength(10);
  });

  test("sleeps as long as a timer can, and again, for very slow rates", async () => {
    const pair = endsOf(throttle<number>({ perSecond: 1e-6, burst: 10, size: () => 10 }));
    const reads = [pair.read(), pair.read()];
    await pair.write(1);
    void pair.write(2);
    await settle();
    expect(vi.getTimerCount()).toBe(1);
    const ring = vi.spyOn(globalThis, "setTimeout");
    await vi.advanceTimersByTimeAsync(1e10 - 1);
    expect(ring).toHaveBeenCalledTimes(4);
    expect(await isSettled(reads[1] as Promise<unknown>)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await reads[1]).toEqual({ done: false, value: 2 });
  });

  describe("leaves no timer behind", () => {
    const reason = new Error("over");
    const begin = async () => {
      const pair = endsOf(throttle<number>({ perSecond: 1, burst: 1 }));
      const reads = [pair.read(), pair.read()];
      await pair.write(1);
      const held = pair.write(2);
      await settle();
      expect(vi.getTimerCount()).toBe(1);
      return { pair, held, read: reads[1] };
    };

    test("when it is aborted", async () => {
      const { pair, held, read } = await begin();
      await pair.writer.abort(reason);
      expect(vi.getTimerCount()).toBe(0);
      await expect(held).rejects.toBe(reason);
      await expect(read).rejects.toBe(reason);
    });

    test("when it is cancelled", async () => {
      const { pair, held, read } = await begin();
      await pair.reader.cancel(reason);
      expect(vi.getTimerCount()).toBe(0);
      await expect(held).rejects.toBe(reason);
      expect(await read).toEqual({ done: true, value: undefined });
    });

    test("when it is closed, behind what waits", async () => {
      const { pair, held, read } = await begin();
      const closed = pair.writer.close();
      expect(await isSettled(closed)).toBe(false);
      await vi.advanceTimersByTimeAsync(1000);
      await Promise.all([held, closed]);
      expect(await read).toEqual({ done: false, value: 2 });
      expect(vi.getTimerCount()).toBe(0);
    });

    test("when it is aborted by what measures a chunk", async () => {
      const size = (chunk: number): number => {
        if (chunk === 2) void handled(pair.writer.abort(reason));
        return 1;
      };
      const pair = endsOf(throttle({ perSecond: 1, burst: 1, size }));
      const reads = [pair.read(), pair.read()];
      await pair.write(1);
      await expect(pair.write(2)).rejects.toBe(reason);
      await expect(reads[1]).rejects.toBe(reason);
      expect(vi.getTimerCount()).toBe(0);
    });

    test("when a chunk cannot be measured", async () => {
      const pair = endsOf(throttle<unknown>({ perSecond: 10, unit: "bytes" }));
      const read = pair.read();
      await expect(pair.write({})).rejects.toEqual(coded("SPW_ERR_CHUNK"));
      await expect(read).rejects.toEqual(coded("SPW_ERR_CHUNK"));
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  test.each([
    [{}],
    [{ perSecond: 0 }],
    [{ perSecond: Infinity }],
    [{ perSecond: "10" }],
    [{ perSecond: 1, burst: -1 }],
    [{ perSecond: 1, unit: "frames" }],
    [{ perSecond: 1, size: 1 }],
    [{ perSecond: 1, now: 0 }],
  ])("refuses %o", (options) => {
    expect(() => throttle(options as never)).toThrow(coded("SPW_ERR_OPTION"));
  });
});
