import {
  isSettled,
  scriptedSource,
  settle,
  sourceContract,
  streamContract,
} from "@spillway/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bounded } from "./bounded.ts";
import { pumped } from "./ends.ts";
import { fromIterable } from "./from-iterable.ts";
import { map } from "./map.ts";
import { merge, type MergeOptions } from "./merge.ts";
import { sink } from "./sink.ts";

function* numbered(name: string, count = Infinity): Generator<string> {
  for (let index = 0; index < count; index++) yield `${name}${index}`;
}

/** The same chunks from a stream of the platform. */
function foreign(name: string, count = Infinity): ReadableStream<string> {
  return scriptedSource([{ chunks: numbered(name, count) }]).readable;
}

const ours = (name: string, count?: number): ReadableStream<string> =>
  fromIterable(numbered(name, count));

/** Reads so slowly that every source has a chunk each time. */
async function take<T>(readable: ReadableStream<T>, count: number): Promise<T[]> {
  await settle();
  const reader = readable.getReader();
  const chunks: T[] = [];
  while (chunks.length < count) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    await settle();
  }
  reader.releaseLock();
  return chunks;
}

async function drain<T>(readable: ReadableStream<T>): Promise<T[]> {
  const chunks: T[] = [];
  for await (const chunk of readable) chunks.push(chunk);
  return chunks;
}

function tally(chunks: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [name] of chunks) counts[name as string] = (counts[name as string] ?? 0) + 1;
  return counts;
}

describe("merge()", () => {
  describe.each([
    ["of one foreign stream", () => [] as ReadableStream<number>[]],
    ["beside a stream that has closed", () => [fromIterable<number>([])]],
  ])("%s", (_, others) => {
    const cases = sourceContract(() => {
      const origin = scriptedSource([{ chunks: counter() }]);
      const readable = merge<ReadableStream<number>>([...others(), origin.readable]);
      return { readable, origin, maxHeldChunks: 1 };
    });
    for (const { name, run } of cases) test(name, run);
  });

  describe.each(["direct", "foreign"] as const)("behind a bounded queue, %s", (via) => {
    const cases = streamContract(
      () => {
        const { readable, writable } = bounded<number>({ highWaterMark: 2 });
        return { writable, readable: merge([readable]), chunk: (index) => index };
      },
      { via },
    );
    // In a pipe an error comes behind the chunk that waits, and here that waits for a reader.
    const tooStrict = "settles a held write when the writable is aborted";
    expect(cases.some(({ name }) => name === tooStrict)).toBe(via === "direct");
    for (const { name, run } of cases) if (name !== tooStrict) test(name, run);
  });

  test.each([
    ["ours", ours],
    ["foreign", foreign],
  ])("takes turns among those that have a chunk (%s)", async (_, make) => {
    const merged = merge([make("a"), make("b"), make("c")]);
    const chunks = await take(merged, 9);
    expect(chunks).toEqual(["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]);
    await merged.cancel();
  });

  test("takes turns in a pipe that never waits", async () => {
    const before = pumped();
    const received: string[] = [];
    // Few enough for one turn of the pumps: one that goes on in the next has lost its place.
    await merge([ours("a", 2), ours("b", 1), ours("c", 2)]).pipeTo(
      sink({ write: (chunk) => void received.push(chunk) }),
    );
    expect(received).toEqual(["a0", "b0", "c0", "a1", "c1"]);
    // Twice: into the merge and out of it.
    expect(pumped() - before).toBe(10);
  });

  test("goes on with those that have chunks while another waits", async () => {
    const silent = scriptedSource<string>(["stall"]);
    const merged = merge([silent.readable, ours("b")]);
    expect(await take(merged, 3)).toEqual(["b0", "b1", "b2"]);
    await merged.cancel();
  });

  test("loses nothing of many streams of every kind", async () => {
    const sources = Array.from({ length: 50 }, (_, index) => {
      const name = `${index}:`;
      if (index % 3 === 0) return foreign(name, index);
      return index % 3 === 1 ? ours(name, index) : ours(name, index).pipeThrough(map((x) => x));
    });
    const chunks = await drain(merge(sources));
    const all = sources.flatMap((_, index) => [...numbered(`${index}:`, index)]);
    expect(chunks.toSorted()).toEqual(all.toSorted());
    await settle();
    expect(sources.some(({ locked }) => locked)).toBe(false);
    for (let index = 0; index < 50; index++) {
      const own = chunks.filter((chunk) => chunk.startsWith(`${index}:`));
      expect(own).toEqual([...numbered(`${index}:`, index)]);
    }
  });

  test("is closed at once without sources", async () => {
    expect(await drain(merge([]))).toEqual([]);
  });

  test("loses and reorders nothing, whatever its sources and its consumer do", async () => {
    const kinds = {
      ours,
      foreign,
      late: (name: string, count: number) =>
        fromIterable(
          (async function* () {
            for (const chunk of numbered(name, count)) {
              await settle();
              yield chunk;
            }
          })(),
        ),
      queued: (name: string, count: number) =>
        foreign(name, count).pipeThrough(bounded({ highWaterMark: 2 })),
    };
    const source = fc.record({
      kind: fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[])),
      count: fc.nat(12),
      priority: fc.integer({ min: -1, max: 1 }),
    });
    const run = fc.record({
      sources: fc.array(source, { minLength: 1, maxLength: 6 }),
      maxSkips: fc.nat(3),
      highWaterMark: fc.integer({ min: 1, max: 3 }),
      pumps: fc.boolean(),
      /** Whether the consumer is slow at a chunk. */
      stalls: fc.infiniteStream(fc.boolean()),
    });
    const property = fc.asyncProperty(run, async ({ sources, stalls, pumps, ...options }) => {
      const made = sources.map(({ kind, count }, index) => kinds[kind](`${index}:`, count));
      const merged = merge(made, {
        priority: (_, index) => sources[index]?.priority ?? 0,
        maxSkips: options.maxSkips,
        writableStrategy: { highWaterMark: options.highWaterMark },
      });
      const received: string[] = [];
      const write = async (chunk: string): Promise<void> => {
        received.push(chunk);
        if (stalls.next().value) await settle();
      };
      await merged.pipeTo(pumps ? sink({ write }) : new WritableStream({ write }));
      for (const [index, { count }] of sources.entries()) {
        const own = received.filter((chunk) => chunk.startsWith(`${index}:`));
        expect(own).toEqual([...numbered(`${index}:`, count)]);
      }
      expect(received).toHaveLength(sources.reduce((sum, { count }) => sum + count, 0));
    });
    await fc.assert(property, { numRuns: 60 });
  });

  describe("by priority", () => {
    const low = { priority: (_: unknown, index: number) => -index };

    test.each([
      ["ours", ours],
      ["foreign", foreign],
    ])("gives the higher first, and starves none (%s)", async (_, make) => {
      const options = { ...low, maxSkips: 4 };
      const merged = merge([make("a"), make("b"), make("c")], options);
      const chunks = await take(merged, 101);
      // The first was the oldest; then come 20 rounds of 4 + 1.
      expect(tally(chunks)).toEqual({ a: 81, b: 10, c: 10 });
      // n * (maxSkips + 1) is the promise.
      const gaps = ["b", "c"].map((name) => longestGap(chunks, name));
      expect(Math.max(...gaps)).toBeLessThanOrEqual(15);
      await merged.cancel();
    });

    test("with maxSkips of 0 is as fair as without", async () => {
      const merged = merge([ours("a"), ours("b")], { ...low, maxSkips: 0 });
      expect(await take(merged, 4)).toEqual(["a0", "b0", "a1", "b1"]);
      await merged.cancel();
    });

    test("gives the lower while the higher has nothing", async () => {
      const high = scriptedSource<string>([{ chunks: ["h"] }, "stall"]);
      const merged = merge([ours("b"), high.readable], {
        priority: (source) => (source === high.readable ? 1 : 0),
      });
      const chunks = await take(merged, 4);
      expect(chunks.filter((chunk) => chunk === "h")).toHaveLength(1);
      expect(tally(chunks)).toEqual({ h: 1, b: 3 });
      await merged.cancel();
    });
  });

  describe("backpressure", () => {
    test.each([
      [1, undefined],
      [5, { highWaterMark: 5 }],
    ])("holds %i of each source while nobody reads", async (held, writableStrategy) => {
      let pulled = 0;
      const source = new ReadableStream<number>(
        { pull: (controller) => controller.enqueue(pulled++) },
        { highWaterMark: 0 },
      );
      let taken = 0;
      const own = fromIterable(counter((count) => (taken = count)));
      const merged = merge<ReadableStream<number>>([source, own], { writableStrategy });
      await settle();
      expect([pulled, taken]).toEqual([held, held]);
      await merged.cancel();
    });

    test("counts what waits by the size of its strategy", async () => {
      let taken = 0;
      const own = fromIterable(counter((count) => (taken = count)));
      const merged = merge([own], { writableStrategy: { highWaterMark: 8, size: () => 2 } });
      await settle();
      expect(taken).toBe(4);
      await merged.cancel();
    });
  });

  describe("ends", () => {
    test("when all have closed, and not before", async () => {
      const last = scriptedSource<string>(["stall"]);
      const reader = merge([ours("a", 1), last.readable]).getReader();
      expect(await reader.read()).toEqual({ done: false, value: "a0" });
      const end = reader.read();
      expect(await isSettled(end)).toBe(false);
      last.close();
      expect(await end).toEqual({ done: true, value: undefined });
    });

    test("with the very reason of a source, which cancels the others", async () => {
      const reason = new Error("The source breaks");
      const [broken, other] = [
        scriptedSource<string>(["stall"]),
        scriptedSource<string>(["stall"]),
      ];
      const own = bounded<string>();
      const reader = merge([broken.readable, other.readable, own.readable]).getReader();
      const read = reader.read();
      await settle();
      broken.error(reason);
      await expect(read).rejects.toBe(reason);
      expect(await other.ended).toEqual({ how: "cancelled", reason });
      await expect(own.writable.getWriter().closed).rejects.toBe(reason);
      await settle();
      for (const { locked } of [broken.readable, other.readable, own.readable]) {
        expect(locked).toBe(false);
      }
    });

    test("with an error in its place, behind the chunk that waits", async () => {
      const reason = new Error("The producer gives up");
      const { readable, writable } = bounded<string>();
      const writer = writable.getWriter();
      await writer.write("last words");
      const reader = merge([readable, ours("a", 1)]).getReader();
      await settle();
      await writer.abort(reason);
      expect(await isSettled(reader.closed)).toBe(false);
      expect((await reader.read()).value).toBe("last words");
      await expect(reader.closed).rejects.toBe(reason);
    });

    test("with a source that had errored before", async () => {
      const reason = new Error("Too late");
      const other = scriptedSource<string>(["stall"]);
      const broken = new ReadableStream<string>({
        start: (controller) => controller.error(reason),
      });
      await expect(drain(merge([other.readable, broken]))).rejects.toBe(reason);
      expect(await other.ended).toEqual({ how: "cancelled", reason });
    });

    test("by a cancel that reaches every source and waits for them", async () => {
      const reason = new Error("The consumer leaves");
      const cancels: unknown[] = [];
      let release: (() => void) | undefined;
      const slow = new ReadableStream<string>({
        cancel: (given) => {
          cancels.push(given);
          return new Promise<void>((resolve) => {
            release = resolve;
          });
        },
      });
      const quick = scriptedSource<string>([{ chunks: numbered("q") }]);
      const merged = merge([slow, quick.readable]);
      const cancelled = merged.cancel(reason);
      expect(await quick.ended).toEqual({ how: "cancelled", reason });
      expect(cancels).toEqual([reason]);
      expect(await isSettled(cancelled)).toBe(false);
      release?.();
      await cancelled;
      expect([slow.locked, quick.readable.locked]).toEqual([false, false]);
    });

    test("by a cancel that tells of a source that could not be cancelled", async () => {
      const failure = new Error("The cable is stuck");
      const stuck = new ReadableStream({ cancel: () => Promise.reject(failure) });
      await expect(merge([stuck, ours("a")]).cancel("enough")).rejects.toBe(failure);
    });

    test("by a destination that fails", async () => {
      const reason = new Error("The sink breaks");
      const origin = scriptedSource<string>([{ chunks: numbered("a") }]);
      const piped = merge([origin.readable, ours("b")]).pipeTo(
        sink({
          write: () => {
            throw reason;
          },
        }),
      );
      await expect(piped).rejects.toBe(reason);
      expect(await origin.ended).toEqual({ how: "cancelled", reason });
    });
  });

  test("refuses what it cannot use and locks nothing", () => {
    const free = ours("a");
    const locked = ours("b");
    locked.getReader();
    const option = expect.objectContaining({ code: "SPW_ERR_OPTION" });
    const wrong: [unknown, object?][] = [
      [undefined],
      [[free, {}]],
      [[free, locked]],
      [[free, free]],
      [[free], { maxSkips: -1 }],
      [[free], { priority: 1 }],
      [[free], { priority: () => Number.NaN }],
      [[free], { writableStrategy: { highWaterMark: -1 } }],
    ];
    for (const [sources, options] of wrong) {
      const call = (): unknown =>
        merge(sources as ReadableStream[], options as MergeOptions<ReadableStream>);
      expect(call).toThrow(option);
      expect(free.locked).toBe(false);
    }
  });
});

function* counter(onTake?: (count: number) => void): Generator<number> {
  for (let count = 0; ; count++) {
    onTake?.(count + 1);
    yield count;
  }
}

function longestGap(chunks: readonly string[], name: string): number {
  const places = chunks.flatMap((chunk, place) => (chunk.startsWith(name) ? [place] : []));
  return Math.max(...places.map((place, index) => place - (places[index - 1] ?? -1)));
}
