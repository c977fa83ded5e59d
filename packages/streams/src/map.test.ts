import { isSettled, settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { endsOf, pipeAll, via, type Way, ways } from "../test/ends-of.ts";
import { pumped } from "./ends.ts";
import { fromIterable } from "./from-iterable.ts";
import type { Stage } from "./internal/stage.ts";
import { map } from "./map.ts";
import { sink } from "./sink.ts";

/** A transform whose results a test gives, in any order. */
function slowly(): {
  readonly calls: Map<number, { resolve: (result: string) => void; reject: (why: Error) => void }>;
  readonly transform: (chunk: number) => Promise<string>;
} {
  const calls = new Map();
  const transform = (chunk: number): Promise<string> =>
    new Promise((resolve, reject) => calls.set(chunk, { resolve, reject }));
  return { calls, transform };
}

describe("map()", () => {
  test.each(ways)("turns each chunk into another, in order (%s)", async (way) => {
    const chunks = Array.from({ length: 300 }, (_, index) => index);
    const before = pumped();
    expect(
      await pipeAll(
        way,
        chunks,
        map((chunk) => chunk * 2),
      ),
    ).toEqual(chunks.map((chunk) => chunk * 2));
    expect(pumped() - before).toBe(way === "direct" ? 600 : 0);
  });

  test.each(ways)("takes chunks and gives results of every kind (%s)", async (way) => {
    // oxlint-disable-next-line unicorn/no-thenable -- a chunk that looks like one
    const kinds = [undefined, null, 0, "", Number.NaN, { then: "not a function" }];
    expect(
      await pipeAll(
        way,
        kinds,
        map((chunk) => chunk),
      ),
    ).toEqual(kinds);
  });

  test.each(ways)("waits for results that are promises of any make (%s)", async (way) => {
    const thenable = (chunk: number): PromiseLike<string> => ({
      // oxlint-disable-next-line unicorn/no-thenable -- that is what it is
      then: (resolve) => Promise.resolve(`#${chunk}`).then(resolve),
    });
    expect(await pipeAll(way, [1, 2], map(thenable))).toEqual(["#1", "#2"]);
  });

  test("mixes results and promises of results, in order", async () => {
    const mixed = (chunk: number): number | Promise<number> =>
      chunk % 3 === 0 ? Promise.resolve(chunk) : chunk;
    const chunks = [0, 1, 2, 3, 4, 5, 6];
    expect(await pipeAll("direct", chunks, map(mixed, { concurrency: 3 }))).toEqual(chunks);
  });

  test("works on nothing that nobody wants", async () => {
    let calls = 0;
    const pair = endsOf(map(() => ++calls));
    const written = pair.write("a");
    expect(await isSettled(written)).toBe(false);
    expect(calls).toBe(0);
    expect(await pair.read()).toEqual({ done: false, value: 1 });
    await written;
  });

  test("lets wait what the strategies say", async () => {
    let calls = 0;
    const pair = endsOf(
      map(() => ++calls, {
        writableStrategy: { highWaterMark: 2 },
        readableStrategy: new CountQueuingStrategy({ highWaterMark: 3 }),
      }),
    );
    expect(pair.writer.desiredSize).toBe(2);
    const writes = Array.from({ length: 5 }, () => pair.write("a"));
    await Promise.all(writes.slice(0, 3));
    expect(await isSettled(writes[3] as Promise<void>)).toBe(false);
    expect(pair.writer.desiredSize).toBe(0);
    expect(calls).toBe(3);
  });

  test("measures what waits behind it", async () => {
    const pair = endsOf(
      map((chunk: string) => chunk, {
        readableStrategy: { highWaterMark: 5, size: (chunk) => chunk.length },
      }),
    );
    await pair.write("abc");
    await pair.write("def");
    expect(await isSettled(pair.write("g"))).toBe(false);
    expect(await pair.read()).toEqual({ done: false, value: "abc" });
    await settle();
    await pair.writer.close();
    expect(await pair.readAll()).toEqual(["def", "g"]);
  });

  test.each([
    ["throws", sizeThrows],
    ["gives no number", (): number => Number.NaN],
    ["gives less than nothing", (): number => -1],
  ] as const)("errors both sides when a strategy's size %s", async (_, size) => {
    const coded = expect.objectContaining({ code: "SPW_ERR_CHUNK" });
    const pair = endsOf(
      map((chunk: string) => chunk, { readableStrategy: { highWaterMark: 1, size } }),
    );
    await expect(pair.write("a")).rejects.toEqual(coded);
    await expect(pair.read()).rejects.toEqual(coded);
    await expect(pair.writer.closed).rejects.toEqual(coded);
  });

  describe("when writableStrategy.size throws", () => {
    const coded = expect.objectContaining({ code: "SPW_ERR_CHUNK" });
    const sized = (): Stage<string, string> =>
      map((chunk: string) => chunk, { writableStrategy: { highWaterMark: 1, size: sizeThrows } });

    test("errors both sides with what the write rejects with", async () => {
      const pair = endsOf(sized());
      const read = pair.read();
      const failure: unknown = await pair.write("a").catch((error: unknown) => error);
      expect(failure).toEqual(coded);
      await expect(read).rejects.toBe(failure);
      await expect(pair.writer.closed).rejects.toBe(failure);
    });

    test("rejects what waits in front", async () => {
      let isBad = false;
      const size = (): number => (isBad ? sizeThrows() : 1);
      const pair = endsOf(
        map((chunk: string) => chunk, { writableStrategy: { highWaterMark: 3, size } }),
      );
      const waiting = pair.write("a");
      isBad = true;
      await expect(pair.write("b")).rejects.toEqual(coded);
      await expect(waiting).rejects.toEqual(coded);
      await expect(pair.read()).rejects.toEqual(coded);
    });

    test.each(ways)("fails a pipe from end to end (%s)", async (way) => {
      let returned = 0;
      const source = (function* () {
        try {
          for (;;) yield "a";
        } finally {
          returned++;
        }
      })();
      const through = via(way, fromIterable(source)).pipeThrough(sized());
      const failure: unknown = await through.pipeTo(sink()).catch((error: unknown) => error);
      expect(failure).toEqual(coded);
      await settle();
      expect(returned).toBe(1);
    });
  });

  describe("with concurrency", () => {
    test.each(ways)("works on so many at once, and keeps their order (%s)", async (way) => {
      const { calls, transform } = slowly();
      const received = pipeAll(way, [1, 2, 3, 4, 5], map(transform, { concurrency: 3 }));
      await settle();
      expect([...calls.keys()]).toEqual([1, 2, 3]);
      calls.get(3)?.resolve("c");
      calls.get(2)?.resolve("b");
      await settle();
      expect(calls.size).toBe(3);
      calls.get(1)?.resolve("a");
      await settle();
      expect([...calls.keys()]).toEqual([1, 2, 3, 4, 5]);
      calls.get(5)?.resolve("e");
      calls.get(4)?.resolve("d");
      expect(await received).toEqual(["a", "b", "c", "d", "e"]);
    });

    test("closes behind what is under way", async () => {
      const { calls, transform } = slowly();
      const pair = endsOf(map(transform, { concurrency: 2 }));
      const reading = pair.readAll();
      await Promise.all([pair.write(1), pair.write(2)]);
      const closed = pair.writer.close();
      calls.get(2)?.resolve("b");
      expect(await isSettled(closed)).toBe(false);
      calls.get(1)?.resolve("a");
      await closed;
      expect(await reading).toEqual(["a", "b"]);
    });

    test("ends with the first failure, whatever is under way", async () => {
      const error = new Error("transform");
      const { calls, transform } = slowly();
      const pair = endsOf(map(transform, { concurrency: 2 }));
      const read = pair.read();
      await Promise.all([pair.write(1), pair.write(2)]);
      const closed = pair.writer.close();
      await settle();
      calls.get(2)?.reject(error);
      await expect(closed).rejects.toBe(error);
      await expect(read).rejects.toBe(error);
      calls.get(1)?.resolve("late");
      await settle();
      await expect(pair.read()).rejects.toBe(error);
    });
  });

  test.each(ways)("errors both sides with what the transform threw (%s)", async (way) => {
    const error = new Error("transform");
    const transform = (chunk: number): number => {
      if (chunk === 2) throw error;
      return chunk;
    };
    await expect(pipeAll(way, [1, 2, 3], map(transform))).rejects.toBe(error);
    const pair = endsOf(map(transform));
    const read = pair.read();
    await expect(pair.write(2)).rejects.toBe(error);
    await expect(read).rejects.toBe(error);
    await expect(pair.writer.closed).rejects.toBe(error);
  });

  test("settles a write at abort, and lets its result go", async () => {
    const reason = new Error("gave up");
    const { calls, transform } = slowly();
    const pair = endsOf(map(transform));
    const read = pair.read();
    const written = pair.write(1);
    await settle();
    expect(calls.size).toBe(1);
    await pair.writer.abort(reason);
    await expect(written).rejects.toBe(reason);
    await expect(read).rejects.toBe(reason);
    calls.get(1)?.resolve("late");
    await settle();
    await expect(pair.read()).rejects.toBe(reason);
  });

  test("settles a write at cancel, and lets its result go", async () => {
    const reason = new Error("left");
    const { calls, transform } = slowly();
    const pair = endsOf(map(transform));
    const read = pair.read();
    const written = pair.write(1);
    await settle();
    await pair.reader.cancel(reason);
    await expect(written).rejects.toBe(reason);
    expect(await read).toEqual({ done: true, value: undefined });
    calls.get(1)?.resolve("late");
    await settle();
    await expect(pair.writer.closed).rejects.toBe(reason);
  });

  test.each(ways)("works ahead as far as the sink's mark (%s)", async (way) => {
    expect(await workedAhead(way, Array.from({ length: 100 }, String))).toBeGreaterThanOrEqual(4);
  });

  test.each(ways)("works ahead of a source that gives promises (%s)", async (way) => {
    const promises = Array.from({ length: 100 }, async (_, index) => `${index}`);
    expect(await workedAhead(way, promises)).toBeGreaterThanOrEqual(4);
  });

  test("refuses options it cannot use", () => {
    const coded = expect.objectContaining({ code: "SPW_ERR_OPTION" });
    expect(() => map(1 as never)).toThrow(coded);
    expect(() => map(String, { concurrency: 1.5 })).toThrow(coded);
    expect(() => map(String, { readableStrategy: { highWaterMark: -1 } })).toThrow(coded);
    expect(() => map(String, { writableStrategy: 4 as never })).toThrow(coded);
  });
});

function sizeThrows(): number {
  throw new Error("size");
}

/** Calls that were made while the first write of a sink with a mark of 4 does not end. */
async function workedAhead(way: Way, chunks: Iterable<string | Promise<string>>): Promise<number> {
  let calls = 0;
  const stage = map((chunk: string) => `${++calls}: ${chunk}`);
  const stalls = sink<string>({ write: () => new Promise<void>(() => {}) }, { highWaterMark: 4 });
  const piped = via(way, fromIterable(chunks).pipeThrough(stage)).pipeTo(stalls);
  expect(await isSettled(piped)).toBe(false);
  expect(calls).toBeLessThanOrEqual(8);
  return calls;
}
