import { isSettled, settle } from "@spillway/testing";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { broadcast, type Broadcast, sink, type SpillwayError } from "../src/index.ts";

function hubOf(chunks: number, deadlineMs = 1_000): Broadcast<number> {
  return broadcast<number>({ capacity: { chunks }, lossless: true, deadlineMs });
}

/** Writes 0, 1, 2 … until a write is held. */
async function fill(
  writer: WritableStreamDefaultWriter<number>,
): Promise<{ readonly held: Promise<void> }> {
  for (let chunk = 0; chunk < 100; chunk++) {
    const written = writer.write(chunk);
    written.catch(() => {});
    if (!(await isSettled(written))) return { held: written };
  }
  throw new Error("Nothing held the writer");
}

async function take(reader: ReadableStreamDefaultReader<number>, count: number): Promise<number[]> {
  const chunks: number[] = [];
  while (chunks.length < count) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
  }
  return chunks;
}

interface Reading {
  readonly reader: ReadableStreamDefaultReader<number>;
  /** The first chunk that is due to it. */
  readonly from: number;
  readonly got: number[];
}

/** Reads one chunk, if there comes one. */
async function read({ reader, got }: Reading): Promise<boolean> {
  const { done, value } = await reader.read();
  if (!done) got.push(value);
  return !done;
}

describe("broadcast({ lossless: true })", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
  });

  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  test("holds the writable until the slowest subscriber has taken the oldest chunk", async () => {
    const hub = hubOf(4);
    const [fast, slow] = [hub.subscribe().getReader(), hub.subscribe().getReader()];
    const writer = hub.writable.getWriter();
    const { held } = await fill(writer);
    expect(hub.stats()).toMatchObject({ published: 4, retained: 4, maxLag: 4 });
    expect(await take(fast, 4)).toEqual([0, 1, 2, 3]);
    expect(await isSettled(held)).toBe(false);
    expect(await take(slow, 1)).toEqual([0]);
    await held;
    expect(hub.stats()).toMatchObject({ published: 5, maxLag: 4 });
    await writer.close();
    expect(await take(slow, 9)).toEqual([1, 2, 3, 4]);
    expect(await take(fast, 9)).toEqual([4]);
  });

  test("delivers everything to everyone, at any pace", async () => {
    const hub = hubOf(3);
    const readers = Array.from({ length: 5 }, () => hub.subscribe().getReader());
    const total = 50;
    const produce = async (): Promise<void> => {
      const writer = hub.writable.getWriter();
      for (let chunk = 0; chunk < total; chunk++) await writer.write(chunk);
      await writer.close();
    };
    const consume = async (
      reader: ReadableStreamDefaultReader<number>,
      pause: number,
    ): Promise<number[]> => {
      const got: number[] = [];
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return got;
        got.push(value);
        for (let turn = 0; turn < pause; turn++) await Promise.resolve();
      }
    };
    const consumed = readers.map((reader, index) => consume(reader, index * 3));
    await produce();
    const wanted = Array.from({ length: total }, (_, index) => index);
    for (const got of await Promise.all(consumed)) expect(got).toEqual(wanted);
  });

  test("errors who holds up the others beyond the deadline, and goes on without", async () => {
    const hub = hubOf(2);
    const [fast, stalled] = [hub.subscribe().getReader(), hub.subscribe().getReader()];
    const writer = hub.writable.getWriter();
    const { held } = await fill(writer);
    await take(fast, 2);
    vi.advanceTimersByTime(999);
    expect(await isSettled(held)).toBe(false);
    vi.advanceTimersByTime(1);
    await held;
    await expect(stalled.read()).rejects.toMatchObject({ code: "SPW_ERR_SLOW_CONSUMER" });
    expect(await take(fast, 1)).toEqual([2]);
    expect(hub.stats().subscribers).toBe(1);
    await writer.close();
  });

  test("gives the deadline anew to a subscriber that is slow but moves", async () => {
    const hub = hubOf(2);
    const slow = hub.subscribe().getReader();
    const writer = hub.writable.getWriter();
    let { held } = await fill(writer);
    for (let chunk = 0; chunk < 5; chunk++) {
      vi.advanceTimersByTime(900);
      expect(await take(slow, 1)).toEqual([chunk]);
      await held;
      held = writer.write(chunk + 3);
      expect(await isSettled(held)).toBe(false);
    }
    vi.advanceTimersByTime(1_000);
    await held;
    await expect(slow.read()).rejects.toMatchObject({ code: "SPW_ERR_SLOW_CONSUMER" });
    await writer.close();
  });

  test("spares who holds up the chunk after", async () => {
    const hub = hubOf(2);
    const [stalled, behind] = [hub.subscribe().getReader(), hub.subscribe().getReader()];
    const writer = hub.writable.getWriter();
    const { held } = await fill(writer);
    await take(behind, 1);
    vi.advanceTimersByTime(1_000);
    await held;
    await expect(stalled.read()).rejects.toMatchObject({ code: "SPW_ERR_SLOW_CONSUMER" });
    await writer.close();
    expect(await take(behind, 9)).toEqual([1, 2]);
  });

  describe("when a chunk needs the room of several", () => {
    const sized = (): Broadcast<number> => {
      const capacity = { bytes: 4 };
      const size = (chunk: number): number => chunk;
      return broadcast<number>({ capacity, size, lossless: true, deadlineMs: 1_000 });
    };

    test("has one deadline for all of them", async () => {
      const hub = sized();
      const slow = hub.subscribe().getReader();
      const writer = hub.writable.getWriter();
      for (let chunk = 0; chunk < 4; chunk++) await writer.write(1);
      const held = writer.write(4);
      for (let step = 0; step < 2; step++) {
        vi.advanceTimersByTime(400);
        await take(slow, 1);
      }
      expect(await isSettled(held)).toBe(false);
      vi.advanceTimersByTime(200);
      await held;
      await expect(slow.read()).rejects.toMatchObject({ code: "SPW_ERR_SLOW_CONSUMER" });
      await writer.close();
    });

    test("gives a new deadline to who holds up the next of them", async () => {
      const hub = sized();
      const [first, second] = [hub.subscribe().getReader(), hub.subscribe().getReader()];
      const writer = hub.writable.getWriter();
      for (let chunk = 0; chunk < 4; chunk++) await writer.write(1);
      const held = writer.write(4);
      await take(second, 1);
      vi.advanceTimersByTime(1_000);
      await expect(first.read()).rejects.toMatchObject({ code: "SPW_ERR_SLOW_CONSUMER" });
      expect(await isSettled(held)).toBe(false);
      vi.advanceTimersByTime(1_000);
      await held;
      await expect(second.read()).rejects.toMatchObject({ code: "SPW_ERR_SLOW_CONSUMER" });
      await writer.close();
    });
  });

  test.each(["none", "last"] as const)(
    "holds for who joins meanwhile only where it starts at the oldest chunk (retain: %s)",
    async (retain) => {
      const hub = broadcast<number>({ capacity: { chunks: 1 }, lossless: true, retain });
      const slow = hub.subscribe().getReader();
      const writer = hub.writable.getWriter();
      const { held } = await fill(writer);
      const late = hub.subscribe().getReader();
      await take(slow, 1);
      expect(await isSettled(held)).toBe(retain === "none");
      if (retain === "last") expect(await take(late, 1)).toEqual([0]);
      await held;
      await Promise.all([slow.cancel(), late.cancel()]);
      await writer.close();
    },
  );

  test.each(["cancel", "abort"] as const)("goes on when the slowest leaves (%s)", async (how) => {
    const hub = hubOf(1);
    const controller = new AbortController();
    const readable = hub.subscribe({ signal: controller.signal });
    const writer = hub.writable.getWriter();
    const { held } = await fill(writer);
    if (how === "cancel") await readable.cancel();
    else controller.abort();
    await held;
    await writer.close();
  });

  test("drops nothing but what waits for a subscriber that leaves, and tells it", async () => {
    const hub = hubOf(4);
    const heard: [number, string][] = [];
    const readable = hub.subscribe({ onDrop: ({ chunk }, reason) => heard.push([chunk, reason]) });
    const writer = hub.writable.getWriter();
    for (const chunk of [1, 2, 3]) await writer.write(chunk);
    const reader = readable.getReader();
    expect(await take(reader, 1)).toEqual([1]);
    expect(hub.statsOf(readable)).toMatchObject({ offered: 3, delivered: 1, queued: 2, lag: 2 });
    await reader.cancel();
    expect(heard).toEqual([
      [2, "cancelled"],
      [3, "cancelled"],
    ]);
    await writer.close();
  });

  test("errors a held write when it is aborted or closed from elsewhere", async () => {
    for (const end of ["close", "abort"] as const) {
      const hub = hubOf(1);
      const reader = hub.subscribe().getReader();
      const { held } = await fill(hub.writable.getWriter());
      const reason = new Error("over");
      if (end === "close") hub.close();
      else hub.abort(reason);
      if (end === "close") await expect(held).rejects.toMatchObject({ code: "SPW_ERR_CLOSED" });
      else await expect(held).rejects.toBe(reason);
      if (end === "close") expect(await take(reader, 9)).toEqual([0]);
      else await expect(reader.closed).rejects.toBe(reason);
    }
  });

  test("publish() throws rather than drop or wait", () => {
    const hub = hubOf(2);
    hub.subscribe();
    hub.publish(1);
    hub.publish(2);
    expect(() => hub.publish(3)).toThrow(
      expect.objectContaining({ code: "SPW_ERR_OVERFLOW" } satisfies Partial<SpillwayError>),
    );
    expect(hub.stats().published).toBe(2);
  });

  test("holds a pipe through the pump, and frees it", async () => {
    const hub = hubOf(2);
    const got: number[] = [];
    let release = (): void => {};
    const slow = sink<number>({
      write: (chunk) => {
        got.push(chunk);
        return new Promise((resolve) => {
          release = () => resolve();
        });
      },
    });
    const drained = hub.subscribe().pipeTo(slow);
    const source = broadcast<number>();
    const fed = source.subscribe().pipeTo(hub.writable);
    await settle();
    for (let chunk = 0; chunk < 9; chunk++) source.publish(chunk);
    source.close();
    await settle();
    expect(hub.stats()).toMatchObject({ retained: 2, maxLag: 2 });
    for (let chunk = 0; chunk < 9; chunk++) {
      await settle();
      release();
    }
    await Promise.all([fed, drained]);
    expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  const steps = fc.array(
    fc.oneof(
      fc.record({ write: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ take: fc.nat(3), by: fc.nat(5) }),
      fc.record({ leave: fc.nat(5) }),
      fc.constant("join" as const),
    ),
    { maxLength: 40 },
  );

  test("loses nothing for anybody, whoever joins and leaves when", async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom("none", "last", "last-keyframe"),
      steps,
      async (chunks, retain, script) => {
        const isKey = (chunk: number): boolean => chunk % 3 === 0;
        const hub = broadcast<number>({ capacity: { chunks }, lossless: true, retain, isKey });
        const writer = hub.writable.getWriter();
        const readers: Reading[] = [];
        let written = 0;
        for (const step of script) {
          if (step === "join") {
            const { published: next, retained } = hub.stats();
            const first = next - retained;
            const key = Math.floor((next - 1) / 3) * 3;
            const start = { none: next, last: Math.max(first, next - 1), "last-keyframe": key };
            const from = start[retain] < first ? next : start[retain];
            readers.push({ reader: hub.subscribe().getReader(), from, got: [] });
          } else if ("write" in step) {
            for (let left = step.write; left > 0; left--) void writer.write(written++);
          } else if ("leave" in step) {
            const [left] = readers.splice(step.leave % (readers.length || 1), 1);
            await left?.reader.cancel();
          } else if (readers.length > 0) {
            const one = readers[step.by % readers.length] as Reading;
            for (let left = step.take; left > 0; left--) void read(one);
          }
          await settle();
        }
        const closed = writer.close();
        const drained = readers.map(async (one) => {
          while (await read(one));
        });
        await Promise.all([closed, ...drained]);
        for (const { from, got } of readers) {
          expect(got).toEqual(Array.from({ length: written - from }, (_, at) => from + at));
        }
      },
    );
    await fc.assert(property, { numRuns: 500, includeErrorInReport: true });
  });

  test("takes no option that would drop", () => {
    const hub = hubOf(2);
    const refused = expect.objectContaining({ code: "SPW_ERR_OPTION" }) as Error;
    expect(() => hub.subscribe({ overflow: "latest" })).toThrow(refused);
    expect(() => hub.subscribe({ maxAgeMs: 5 })).toThrow(refused);
    expect(() => hub.subscribe({ highWaterMark: 5 })).toThrow(refused);
    expect(() => broadcast({ lossless: 1 as unknown as boolean })).toThrow(refused);
    expect(() => broadcast({ lossless: true, deadlineMs: 0 })).toThrow(refused);
  });
});
