import { isSettled, streamContract } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { readAll } from "../test/read-all.ts";
import { bounded, type BoundedOptions } from "./bounded.ts";
import type { OverflowPolicy } from "./policy.ts";
import type { QueueStats } from "./queue-options.ts";

interface Ends<T> {
  readonly readable: ReadableStream<T>;
  readonly reader: ReadableStreamDefaultReader<T>;
  readonly writer: WritableStreamDefaultWriter<T>;
  stats(): QueueStats;
}

/** A pair with both ends taken, and rejections that a test does not look at handled. */
function ends<T>(options?: BoundedOptions<T>): Ends<T> {
  const { readable, writable, stats } = bounded<T>(options);
  const [reader, writer] = [readable.getReader(), writable.getWriter()];
  for (const promise of [reader.closed, writer.closed, writer.ready]) promise.catch(() => {});
  return { readable, reader, writer, stats };
}

function sourceOf<T>(chunks: readonly T[]): ReadableStream<T> {
  return new ReadableStream({
    start: (controller) => {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

function write<T>({ writer }: Ends<T>, chunk: T): Promise<void> {
  const written = writer.write(chunk);
  written.catch(() => {});
  return written;
}

function read<T>({ reader }: Ends<T>): Promise<ReadableStreamReadResult<T>> {
  const result = reader.read();
  result.catch(() => {});
  return result;
}

describe("bounded()", () => {
  test("passes chunks on in order", async () => {
    const pair = bounded<number>({ highWaterMark: 2 });
    const received: number[] = [];
    for await (const chunk of sourceOf([1, 2, 3, 4, 5]).pipeThrough(pair)) {
      received.push(chunk);
    }
    expect(received).toEqual([1, 2, 3, 4, 5]);
    expect(pair.stats()).toMatchObject({ offered: 5, delivered: 5, queued: 0 });
  });

  test("makes streams of the platform", () => {
    const { readable, writable } = bounded();
    expect(readable).toBeInstanceOf(ReadableStream);
    expect(writable).toBeInstanceOf(WritableStream);
  });

  test("bounds what is pulled from a source when nobody reads", async () => {
    let pulled = 0;
    const source = new ReadableStream<number>(
      { pull: (controller) => controller.enqueue(pulled++) },
      { highWaterMark: 0 },
    );
    const { readable, writable } = bounded<number>({ highWaterMark: 4 });
    const piped = source.pipeTo(writable);
    expect(await isSettled(piped)).toBe(false);
    // Four in the queue, one in the write that waits.
    expect(pulled).toBe(5);
    await readable.cancel("done");
    await expect(piped).rejects.toBe("done");
  });

  describe('with "wait"', () => {
    test("holds the producer until there is room", async () => {
      const pair = ends<number>({ highWaterMark: 1 });
      await write(pair, 1);
      const second = write(pair, 2);
      expect(await isSettled(second)).toBe(false);
      expect(await isSettled(pair.writer.ready)).toBe(false);
      expect(await read(pair)).toEqual({ done: false, value: 1 });
      await second;
      await pair.writer.ready;
      expect(pair.stats()).toMatchObject({ offered: 2, delivered: 1, queued: 1 });
    });

    test("hands over to readers that wait, in order", async () => {
      const pair = ends<number>({ highWaterMark: 1 });
      const reads = [read(pair), read(pair), read(pair)];
      for (const chunk of [1, 2, 3]) await write(pair, chunk);
      expect((await Promise.all(reads)).map(({ value }) => value)).toEqual([1, 2, 3]);
    });

    test("delivers what waited for room when everything queued has expired", async () => {
      let time = 0;
      const pair = ends<number>({ highWaterMark: 1, maxAgeMs: 100, now: () => time });
      await write(pair, 1);
      time = 90;
      const second = write(pair, 2);
      time = 150;
      expect(await read(pair)).toEqual({ done: false, value: 2 });
      await second;
    });

    test("counts the wait for room as age", async () => {
      let time = 0;
      const pair = ends<number>({ highWaterMark: 1, maxAgeMs: 100, now: () => time });
      await write(pair, 1);
      const second = write(pair, 2);
      await isSettled(second);
      time = 150;
      const reading = read(pair);
      expect(await isSettled(reading)).toBe(false);
      await second;
      expect(pair.stats().dropped.reasons).toEqual({ expired: { chunks: 2, size: 2 } });
      await write(pair, 3);
      expect(await reading).toEqual({ done: false, value: 3 });
    });
  });

  test.each([
    ["drop-oldest", [996, 997, 998, 999]],
    ["drop-newest", [0, 1, 2, 3]],
    ["latest", [999]],
  ] as const)("keeps what %o keeps of a source nobody reads", async (overflow, kept) => {
    const pair = ends<number>({ highWaterMark: 4, overflow });
    for (let chunk = 0; chunk < 1000; chunk++) await write(pair, chunk);
    expect(pair.stats()).toMatchObject({ offered: 1000, queued: kept.length });
    await pair.writer.close();
    expect(await readAll(pair.reader)).toEqual(kept);
  });

  test('errors both sides on overflow with "error"', async () => {
    const pair = ends<number>({ highWaterMark: 1, overflow: "error" });
    await write(pair, 1);
    const coded = expect.objectContaining({ code: "SPW_ERR_OVERFLOW" });
    await expect(write(pair, 2)).rejects.toEqual(coded);
    await expect(read(pair)).rejects.toEqual(coded);
    await expect(pair.writer.closed).rejects.toEqual(coded);
    expect(pair.stats().dropped.reasons).toEqual({
      newest: { chunks: 1, size: 1 },
      closed: { chunks: 1, size: 1 },
    });
  });

  test("measures with size", async () => {
    const pair = ends<string>({
      highWaterMark: 5,
      size: (chunk) => chunk.length,
      overflow: "drop-oldest",
    });
    for (const chunk of ["aaa", "bb", "c"]) await write(pair, chunk);
    expect(pair.stats()).toMatchObject({ queued: 2, queuedSize: 3 });
    await write(pair, "larger than the mark");
    expect(pair.stats()).toMatchObject({ queued: 1, queuedSize: 20 });
  });

  test("bounds empty chunks by maxChunks", async () => {
    const pair = ends<string>({ size: (chunk) => chunk.length, overflow: "drop-oldest" });
    for (let count = 0; count < 1100; count++) await write(pair, "");
    expect(pair.stats().queued).toBe(1024);
  });

  describe("close()", () => {
    test("closes the readable behind what is queued", async () => {
      const pair = ends<number>();
      for (const chunk of [1, 2]) await write(pair, chunk);
      await pair.writer.close();
      expect(await isSettled(pair.reader.closed)).toBe(false);
      expect(await readAll(pair.reader)).toEqual([1, 2]);
    });

    test("settles closed with the last chunk, not with another read", async () => {
      const pair = ends<number>();
      await write(pair, 1);
      await pair.writer.close();
      await read(pair);
      await pair.reader.closed;
    });

    test("ends a read that waits", async () => {
      const pair = ends<number>();
      const reading = read(pair);
      await pair.writer.close();
      expect(await reading).toEqual({ done: true, value: undefined });
    });

    test("waits for a write that waits", async () => {
      const pair = ends<number>({ highWaterMark: 1 });
      await write(pair, 1);
      const [second, closed] = [write(pair, 2), pair.writer.close()];
      expect(await isSettled(closed)).toBe(false);
      expect(await readAll(pair.reader)).toEqual([1, 2]);
      await Promise.all([second, closed]);
    });

    test("closes when all that was queued has expired", async () => {
      let time = 0;
      const pair = ends<number>({ maxAgeMs: 100, now: () => time });
      await write(pair, 1);
      await pair.writer.close();
      time = 150;
      expect(await readAll(pair.reader)).toEqual([]);
    });
  });

  describe("abort()", () => {
    test("settles a write that waits at once", async () => {
      const pair = ends<number>({ highWaterMark: 1 });
      await write(pair, 1);
      const [second, third] = [write(pair, 2), write(pair, 3)];
      await isSettled(second);
      const reason = new Error("gave up");
      await pair.writer.abort(reason);
      await expect(second).rejects.toBe(reason);
      await expect(third).rejects.toBe(reason);
      await expect(pair.writer.closed).rejects.toBe(reason);
      await expect(read(pair)).rejects.toBe(reason);
      expect(pair.stats()).toMatchObject({
        offered: 1,
        queued: 0,
        dropped: { reasons: { aborted: { chunks: 1 } } },
      });
    });

    test("rejects a read that waits", async () => {
      const pair = ends<number>();
      const reading = read(pair);
      await pair.writer.abort("gave up");
      await expect(reading).rejects.toBe("gave up");
    });

    test("needs no reason", async () => {
      const pair = ends<number>({ highWaterMark: 1 });
      await write(pair, 1);
      const second = write(pair, 2);
      await isSettled(second);
      await pair.writer.abort();
      // What is in flight is given up by the platform's signal, which never goes without a reason.
      await expect(second).rejects.toMatchObject({ name: "AbortError" });
      await expect(read(pair)).rejects.toBeUndefined();
    });

    test("leaves what was closed before to the reader", async () => {
      const pair = ends<number>();
      await write(pair, 1);
      await pair.writer.close();
      await pair.writer.abort("late");
      expect(await readAll(pair.reader)).toEqual([1]);
    });
  });

  describe("cancel()", () => {
    test("settles a write that waits, and errors the writable", async () => {
      const pair = ends<number>({ highWaterMark: 1 });
      await write(pair, 1);
      const second = write(pair, 2);
      await isSettled(second);
      const reason = new Error("left");
      await pair.reader.cancel(reason);
      await expect(second).rejects.toBe(reason);
      await expect(pair.writer.closed).rejects.toBe(reason);
      await expect(write(pair, 3)).rejects.toBe(reason);
      expect(pair.stats().dropped.reasons).toEqual({ cancelled: { chunks: 1, size: 1 } });
    });

    test("gives a write that waits the reason as it is, none too", async () => {
      const pair = ends<number>({ highWaterMark: 1 });
      await write(pair, 1);
      const second = write(pair, 2);
      expect(await isSettled(second)).toBe(false);
      await pair.reader.cancel();
      await expect(second).rejects.toBeUndefined();
    });

    test("drops what is queued behind close()", async () => {
      const pair = ends<number>();
      await write(pair, 1);
      await pair.writer.close();
      await pair.reader.cancel("left");
      await pair.writer.closed;
      expect(pair.stats()).toMatchObject({ queued: 0, dropped: { chunks: 1 } });
    });
  });

  describe("in a pipe", () => {
    test("passes an error of the source on", async () => {
      const reason = new Error("source");
      const source = new ReadableStream<number>({ pull: (controller) => controller.error(reason) });
      const reader = source.pipeThrough(bounded<number>()).getReader();
      await expect(reader.read()).rejects.toBe(reason);
    });

    test("cancels the source when the destination fails, even while a write waits", async () => {
      const reason = new Error("destination");
      let cancelled: unknown;
      const source = new ReadableStream<number>({
        pull: (controller) => controller.enqueue(1),
        cancel: (why) => {
          cancelled = why;
        },
      });
      const { readable, writable } = bounded<number>({ highWaterMark: 1 });
      const filled = source.pipeTo(writable);
      expect(await isSettled(filled)).toBe(false);
      const sink = new WritableStream<number>({
        write: () => {
          throw reason;
        },
      });
      await expect(readable.pipeTo(sink)).rejects.toBe(reason);
      await expect(filled).rejects.toBe(reason);
      expect(cancelled).toBe(reason);
    });

    test("lets the reader free a pipe that a held write keeps from its signal", async () => {
      const controller = new AbortController();
      const { readable, writable } = bounded<number>({ highWaterMark: 1 });
      const piped = sourceOf([1, 2, 3]).pipeTo(writable, { signal: controller.signal });
      expect(await isSettled(piped)).toBe(false);
      controller.abort(new Error("left"));
      // The standard waits for the write in flight before it aborts.
      expect(await isSettled(piped)).toBe(false);
      await readable.cancel();
      await expect(piped).rejects.toThrow("left");
    });

    test("stays open with preventClose", async () => {
      const { readable, writable } = bounded<number>();
      await sourceOf([1]).pipeTo(writable, { preventClose: true });
      await sourceOf([2]).pipeTo(writable);
      const received: number[] = [];
      for await (const chunk of readable) received.push(chunk);
      expect(received).toEqual([1, 2]);
    });

    test("ends when it is left in the middle of an iteration", async () => {
      const { readable, writable } = bounded<number>({ highWaterMark: 1 });
      const piped = sourceOf([1, 2, 3, 4]).pipeTo(writable);
      piped.catch(() => {});
      for await (const chunk of readable) if (chunk === 2) break;
      await expect(piped).rejects.toBeUndefined();
    });
  });

  describe("when a function of the caller throws", () => {
    test("errors both sides for size()", async () => {
      const reason = new Error("size");
      const size = (chunk: number): number => {
        if (chunk === 2) throw reason;
        return 1;
      };
      const pair = ends<number>({ size });
      const reading = [read(pair), read(pair)];
      await write(pair, 1);
      await expect(write(pair, 2)).rejects.toMatchObject({ code: "SPW_ERR_CHUNK", cause: reason });
      expect(await reading[0]).toEqual({ done: false, value: 1 });
      await expect(reading[1]).rejects.toMatchObject({ code: "SPW_ERR_CHUNK", cause: reason });
    });

    test("errors both sides, and a write that waits, for a policy that throws on a read", async () => {
      const reason = new Error("left");
      const overflow: OverflowPolicy<number> = {
        name: "breaks",
        start: (queue) => ({
          admit: () => (queue.length === 0 ? "queue" : "wait"),
          left: () => {
            throw reason;
          },
        }),
      };
      const pair = ends<number>({ overflow });
      await write(pair, 1);
      const second = write(pair, 2);
      expect(await isSettled(second)).toBe(false);
      await expect(read(pair)).rejects.toMatchObject({ code: "SPW_ERR_CHUNK", cause: reason });
      await expect(second).rejects.toMatchObject({ code: "SPW_ERR_CHUNK", cause: reason });
      await expect(pair.writer.closed).rejects.toMatchObject({
        code: "SPW_ERR_CHUNK",
        cause: reason,
      });
    });

    test("errors both sides for a policy that throws on a write to a reader that waits", async () => {
      const reason = new Error("left");
      const overflow: OverflowPolicy<number> = {
        name: "breaks",
        start: () => ({
          admit: () => "queue",
          left: () => {
            throw reason;
          },
        }),
      };
      const pair = ends<number>({ overflow });
      const reading = read(pair);
      await write(pair, 1);
      await expect(reading).rejects.toMatchObject({ code: "SPW_ERR_CHUNK", cause: reason });
      await expect(pair.writer.closed).rejects.toMatchObject({
        code: "SPW_ERR_CHUNK",
        cause: reason,
      });
    });
  });

  describe("onDrop", () => {
    test("hears of every drop with its reason", async () => {
      const heard: [number, string][] = [];
      const pair = ends<number>({
        highWaterMark: 1,
        overflow: "drop-oldest",
        onDrop: ({ chunk }, reason) => heard.push([chunk, reason]),
      });
      for (const chunk of [1, 2]) await write(pair, chunk);
      await pair.reader.cancel();
      expect(heard).toEqual([
        [1, "oldest"],
        [2, "cancelled"],
      ]);
    });

    test("may read", async () => {
      const reads: Promise<ReadableStreamReadResult<number>>[] = [];
      const pair: Ends<number> = ends<number>({
        highWaterMark: 2,
        overflow: "drop-oldest",
        onDrop: () => reads.push(read(pair)),
      });
      for (const chunk of [1, 2, 3, 4]) await write(pair, chunk);
      await pair.writer.close();
      const rest = await readAll(pair.reader);
      const early = (await Promise.all(reads)).map(({ value }) => value);
      expect([...early, ...rest]).toEqual([2, 3, 4]);
    });

    test("may write", async () => {
      let again: Promise<void> | undefined;
      let time = 0;
      const pair: Ends<number> = ends<number>({
        highWaterMark: 2,
        maxAgeMs: 100,
        now: () => time,
        onDrop: ({ chunk }) => {
          again = write(pair, chunk + 10);
        },
      });
      await write(pair, 1);
      time = 150;
      expect(await read(pair)).toEqual({ done: false, value: 11 });
      await again;
      expect(pair.stats()).toMatchObject({ offered: 2, delivered: 1, queued: 0 });
    });

    test("hands out no more than is read when it writes", async () => {
      let time = 0;
      const pair: Ends<number> = ends<number>({
        maxAgeMs: 100,
        now: () => time,
        onDrop: ({ chunk }) => void write(pair, chunk + 10),
      });
      await write(pair, 1);
      time = 90;
      await write(pair, 2);
      time = 150;
      expect(await read(pair)).toEqual({ done: false, value: 2 });
      expect(pair.stats()).toMatchObject({ offered: 3, delivered: 1, queued: 1 });
    });

    test.each(["drop-oldest", "latest"] as const)("may cancel (%s)", async (overflow) => {
      const pair: Ends<number> = ends<number>({
        highWaterMark: 1,
        overflow,
        onDrop: () => {
          pair.reader.cancel("enough").catch(() => {});
        },
      });
      await write(pair, 1);
      await write(pair, 2);
      await expect(pair.writer.closed).rejects.toBe("enough");
      expect(await read(pair)).toEqual({ done: true, value: undefined });
      expect(pair.stats()).toMatchObject({ offered: 2, queued: 0, dropped: { chunks: 2 } });
    });

    test("may cancel while a write waits", async () => {
      let time = 0;
      const pair: Ends<number> = ends<number>({
        highWaterMark: 1,
        maxAgeMs: 100,
        now: () => time,
        onDrop: () => {
          pair.reader.cancel("enough").catch(() => {});
        },
      });
      await write(pair, 1);
      const second = write(pair, 2);
      expect(await isSettled(second)).toBe(false);
      time = 150;
      expect(await read(pair)).toEqual({ done: true, value: undefined });
      await expect(second).rejects.toBe("enough");
      expect(pair.stats().queued).toBe(0);
    });

    test("may abort while a chunk is on its way to the reader", async () => {
      let time = 0;
      const pair: Ends<number> = ends<number>({
        maxAgeMs: 100,
        now: () => time,
        onDrop: (_, reason) => {
          // Node 20 asserts on an abort() inside an abort().
          if (reason === "expired") pair.writer.abort("enough").catch(() => {});
        },
      });
      await write(pair, 1);
      time = 90;
      await write(pair, 2);
      time = 150;
      await expect(read(pair)).rejects.toBe("enough");
      expect(pair.stats()).toMatchObject({ offered: 2, delivered: 0, dropped: { chunks: 2 } });
    });

    test("may close", async () => {
      let time = 0;
      const pair: Ends<number> = ends<number>({
        maxAgeMs: 100,
        now: () => time,
        onDrop: () => {
          pair.writer.close().catch(() => {});
        },
      });
      await write(pair, 1);
      time = 90;
      await write(pair, 2);
      time = 150;
      expect(await readAll(pair.reader)).toEqual([2]);
      await pair.writer.closed;
    });
  });

  describe.each<[string, BoundedOptions<number>]>([
    ["a few chunks", { highWaterMark: 4 }],
    ["one chunk", { highWaterMark: 1 }],
    ["a size", { highWaterMark: 10, size: () => 3 }],
    ["an age", { highWaterMark: 4, maxAgeMs: 60_000 }],
  ])("as a lossless stage bounded by %s", (_, options) => {
    for (const { name, run } of streamContract(() => ({
      ...bounded<number>(options),
      chunk: (index) => index,
      maxHeldChunks: 6,
    }))) {
      test(name, run);
    }
  });

  test.each([
    { highWaterMark: 0 },
    { highWaterMark: 1.5 },
    { highWaterMark: NaN },
    { highWaterMark: 0, size: () => 1 },
    { overflow: "oldest" as "wait" },
  ])("refuses %o", (options) => {
    expect(() => bounded(options)).toThrow(RangeError);
  });

  test.each([{ highWaterMark: "64" }, { size: 1 }, { onDrop: "log" }, { overflow: null }])(
    "refuses the types of %o",
    (options) => {
      expect(() => bounded(options as never)).toThrow(TypeError);
    },
  );
});
