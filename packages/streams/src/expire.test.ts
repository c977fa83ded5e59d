import { isSettled, settle } from "@spillway/testing";
import { describe, expect, test, vi } from "vitest";
import { endsOf, handled, pipeAll, ways } from "../test/ends-of.ts";
import { expire } from "./expire.ts";

interface Reading {
  readonly id: number;
  readonly at: number;
}

const timeOf = ({ at }: Reading): number => at;
const coded = (code: string): unknown => expect.objectContaining({ code });

describe("expire()", () => {
  test.each(ways)("drops what is too old, and counts it (%s)", async (way) => {
    const drops: unknown[] = [];
    const stage = expire<Reading>({
      maxAgeMs: 100,
      timeOf,
      now: () => 1000,
      onDrop: (...drop) => drops.push(drop),
    });
    const chunks = [899, 900, 1000, 1500, 0].map((at, id) => ({ id, at }));
    const received = await pipeAll(way, chunks, stage);
    expect(received.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(drops).toEqual([
      [{ chunk: chunks[0], size: 1, time: 899 }, "expired"],
      [{ chunk: chunks[4], size: 1, time: 0 }, "expired"],
    ]);
    expect(stage.stats()).toEqual({
      offered: 5,
      delivered: 3,
      dropped: { chunks: 2, size: 2, reasons: { expired: { chunks: 2, size: 2 } } },
    });
  });

  test("looks at the age when the consumer wants a chunk, and finds one that is not too old", async () => {
    let time = 0;
    const stage = expire<Reading>({ maxAgeMs: 100, timeOf, now: () => time });
    const pair = endsOf(stage);
    const writes = [0, 50, 150].map((at, id) => pair.write({ id, at }));
    await settle();
    expect(stage.stats().offered).toBe(0);
    time = 160;
    expect(await pair.read()).toEqual({ done: false, value: { id: 2, at: 150 } });
    await Promise.all(writes);
    expect(stage.stats()).toMatchObject({ offered: 3, delivered: 1, dropped: { chunks: 2 } });
  });

  test("counts from the head of the line when chunks have no time", async () => {
    let time = 0;
    const stage = expire<string>({ maxAgeMs: 100, now: () => time });
    const pair = endsOf(stage);
    const writes = [pair.write("a"), pair.write("b")];
    await settle();
    time = 101;
    const read = pair.read();
    expect(await read).toEqual({ done: false, value: "b" });
    await Promise.all(writes);
    expect(stage.stats().dropped.reasons).toEqual({ expired: { chunks: 1, size: 1 } });
    void pair.write("c");
    await settle();
    time = 200;
    expect(await pair.read()).toEqual({ done: false, value: "c" });
  });

  test("takes the time of day for chunks that have a time", async () => {
    const chunks = [Date.now() - 10_000, Date.now()].map((at, id) => ({ id, at }));
    const received = await pipeAll("direct", chunks, expire<Reading>({ maxAgeMs: 9000, timeOf }));
    expect(received.map(({ id }) => id)).toEqual([1]);
  });

  test("holds the producer while nobody reads", async () => {
    const pair = endsOf(expire<string>({ maxAgeMs: 100 }));
    expect(await isSettled(pair.write("a"))).toBe(false);
  });

  test("goes on when `onDrop` throws, and reports that as uncaught", async () => {
    const later = vi.spyOn(globalThis, "queueMicrotask").mockImplementation(() => {});
    const stage = expire<Reading>({
      maxAgeMs: 100,
      timeOf,
      now: () => 1000,
      onDrop: () => {
        throw new Error("listener");
      },
    });
    const pair = endsOf(stage);
    const read = pair.read();
    await pair.write({ id: 0, at: 0 });
    await pair.write({ id: 1, at: 1000 });
    const calls = [...later.mock.calls];
    later.mockRestore();
    expect(await read).toMatchObject({ value: { id: 1 } });
    expect(calls.filter(([call]) => throws(call))).toHaveLength(1);
  });

  test("ends when `onDrop` cancels it", async () => {
    const stage = expire<Reading>({
      maxAgeMs: 100,
      timeOf,
      now: () => 1000,
      onDrop: () => void handled(pair.reader.cancel("enough")),
    });
    const pair = endsOf(stage);
    const read = pair.read();
    void pair.write({ id: 0, at: 0 });
    await expect(pair.write({ id: 1, at: 1000 })).rejects.toBe("enough");
    expect(await read).toEqual({ done: true, value: undefined });
    expect(stage.stats()).toMatchObject({ offered: 1, delivered: 0 });
  });

  test.each([
    ["throws", (): number => (null as unknown as Reading).at],
    ["gives no number", (): number => Number.NaN],
    ["gives no finite number", (): number => -Infinity],
  ])("errors both sides when timeOf %s", async (_, broken) => {
    const pair = endsOf(expire<Reading>({ maxAgeMs: 100, timeOf: broken }));
    const read = pair.read();
    await expect(pair.write({ id: 0, at: 0 })).rejects.toEqual(coded("SPW_ERR_CHUNK"));
    await expect(read).rejects.toEqual(coded("SPW_ERR_CHUNK"));
  });

  test.each([
    [{}],
    [{ maxAgeMs: -1 }],
    [{ maxAgeMs: Number.NaN }],
    [{ maxAgeMs: 1, timeOf: 1 }],
    [{ maxAgeMs: 1, onDrop: 1 }],
    [{ maxAgeMs: 1, now: 1 }],
  ])("refuses %o", (options) => {
    expect(() => expire(options as never)).toThrow(coded("SPW_ERR_OPTION"));
  });
});

function throws(call: () => void): boolean {
  try {
    call();
  } catch {
    return true;
  }
  return false;
}
