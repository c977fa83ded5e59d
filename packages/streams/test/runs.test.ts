import { isSettled, settle } from "@spillway/testing";
import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { runsOf, type Source, usePump, WritableEnd } from "../src/ends.ts";
import { type Broadcast, broadcast, fromIterable, type SubscribeOptions } from "../src/index.ts";

// A turn that is over, on a busy machine, lets some go on later than the others.
vi.mock("../src/internal/turn.ts", () => ({ isTurnOver: () => false, afterTurn: () => {} }));

/** Milliseconds one property may take on a busy machine; it takes some seconds. */
const LIMIT_MS = 120_000;

/** A sink that takes runs where it is told to, or the first half of them, and always says what it got. */
class Taker<T> {
  readonly chunks: T[] = [];
  readonly runs: (readonly T[])[] = [];
  isStalled = false;
  readonly #end: WritableEnd<T>;

  constructor(takesRuns: "always" | "never" | "sometimes" | "half" = "always") {
    usePump();
    let asked = 0;
    const runsFrom = (source: Source<T>): (() => number) | undefined =>
      runsOf(source, (chunks) => {
        if (this.isStalled || (takesRuns === "sometimes" && ++asked % 2 === 0)) return 0;
        const taken = takesRuns === "half" ? chunks.slice(0, chunks.length / 2) : chunks;
        this.runs.push(taken);
        this.chunks.push(...taken);
        return taken.length;
      });
    this.#end = new WritableEnd<T>({
      put: (chunk) => {
        if (!this.isStalled) this.chunks.push(chunk);
        return !this.isStalled;
      },
      ...(takesRuns !== "never" && { runsFrom }),
      close: () => {},
      abort: () => {},
    });
  }

  get stream(): WritableStream<T> {
    return this.#end.stream;
  }

  resume(): void {
    this.isStalled = false;
    this.#end.wake();
  }
}

/** Pipes a subscription into a sink; tells what the pipe failed with. */
function feed<T, E>(
  hub: Broadcast<T, E>,
  taker: Taker<E>,
  options: SubscribeOptions<T> = {},
): Promise<unknown> {
  const piped = hub.subscribe(options).pipeTo(taker.stream);
  return piped.then(
    () => "closed",
    (error: unknown) => error,
  );
}

function publish(hub: Broadcast<number, unknown>, from: number, to: number): void {
  for (let chunk = from; chunk < to; chunk++) hub.publish(chunk);
}

describe("runs of a hub", () => {
  test("come as the same array to all at the same place, encoded once", async () => {
    const encode = vi.fn((chunk: number) => ({ chunk }));
    const hub = broadcast({ encode });
    const takers = [new Taker<{ chunk: number }>(), new Taker<{ chunk: number }>()];
    for (const taker of takers) void feed(hub, taker);
    await settle();
    publish(hub, 0, 200);
    await settle();
    const [one, other] = takers as [Taker<{ chunk: number }>, Taker<{ chunk: number }>];
    expect(one.runs.map(({ length }) => length)).toEqual([128, 72]);
    for (const [index, run] of one.runs.entries()) expect(other.runs[index]).toBe(run);
    expect(one.chunks.map(({ chunk }) => chunk)).toEqual(
      Array.from({ length: 200 }, (_, at) => at),
    );
    expect(encode).toHaveBeenCalledTimes(200);
  });

  test("leave out nothing that was there before, and nothing that is missing", async () => {
    const hub = broadcast<number>({ retain: () => [-2, -1], capacity: { chunks: 8 } });
    const [plain, told] = [new Taker<unknown>(), new Taker<unknown>()];
    void feed(hub, plain as Taker<number>);
    void hub.subscribe({ gaps: true }).pipeTo(told.stream);
    publish(hub, 100, 103);
    await settle();
    told.isStalled = true;
    publish(hub, 0, 20);
    await settle();
    told.resume();
    await settle();
    expect(plain.chunks.slice(0, 5)).toEqual([-2, -1, 100, 101, 102]);
    expect(told.runs).toEqual([]);
    expect(told.chunks).toContainEqual(expect.objectContaining({ reason: "oldest" }));
  });

  test("end where encode() throws, after what came before", async () => {
    const hub = broadcast({
      encode: (chunk: number) => {
        if (chunk === 3) throw new Error("encode");
        return chunk;
      },
    });
    const taker = new Taker<number>();
    const piped = feed(hub, taker);
    await settle();
    publish(hub, 0, 6);
    await settle();
    expect(taker.chunks).toEqual([0, 1, 2]);
    expect(await piped).toMatchObject({ code: "SPW_ERR_CHUNK" });
  });

  test("give nothing that encode() has made away with", async () => {
    const hub = broadcast<number, number>({
      capacity: { chunks: 4 },
      encode: (chunk) => {
        if (chunk === 1) publish(hub, 10, 14);
        return chunk;
      },
    });
    const taker = new Taker<number>();
    void feed(hub, taker);
    await settle();
    publish(hub, 0, 3);
    await settle();
    // What was encoded when the others came had left the ring.
    expect(taker.chunks).toEqual([10, 11, 12, 13]);
  });

  test("give nothing after encode() has ended them", async () => {
    const aborter = new AbortController();
    const hub = broadcast<number, number>({
      encode: (chunk) => {
        if (chunk === 2) aborter.abort(new Error("enough"));
        return chunk;
      },
    });
    const [taker, other] = [new Taker<number>(), new Taker<number>()];
    const piped = feed(hub, taker, { signal: aborter.signal });
    void feed(hub, other);
    await settle();
    publish(hub, 0, 5);
    await settle();
    expect(await piped).toMatchObject({ message: "enough" });
    expect(taker.chunks).toEqual([]);
    expect(other.chunks).toEqual([0, 1, 2, 3, 4]);
  });

  test("make room in a lossless hub", async () => {
    const hub = broadcast<number>({ lossless: true, capacity: { chunks: 8 } });
    const taker = new Taker<number>();
    taker.isStalled = true;
    void feed(hub, taker);
    const chunks = Array.from({ length: 100 }, (_, at) => at);
    const piped = fromIterable(chunks).pipeTo(hub.writable);
    await settle();
    expect(await isSettled(piped)).toBe(false);
    taker.resume();
    await piped;
    await settle();
    expect(taker.chunks).toEqual(chunks);
    expect(taker.runs.length).toBeGreaterThan(1);
  });

  const commands = fc.array(
    fc.oneof(
      fc.record({ publish: fc.integer({ min: 1, max: 40 }) }),
      fc.constantFrom("settle", "stall", "resume", "join"),
    ),
    { maxLength: 30 },
  );

  test("give what comes one by one, whatever stalls", { timeout: LIMIT_MS }, async () => {
    const property = fc.asyncProperty(
      commands,
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom("drop-oldest", "latest"),
      async (script, highWaterMark, overflow) => {
        const hub = broadcast<number>({ capacity: { chunks: 32 } });
        const groups: { taker: Taker<number>; readable: ReadableStream<number> }[][] = [];
        let published = 0;
        const mark = overflow === "latest" ? {} : { highWaterMark: Math.min(highWaterMark, 32) };
        const join = (): void => {
          const group = (["never", "always", "sometimes", "half"] as const).map((takesRuns) => {
            const readable = hub.subscribe({ overflow, ...mark });
            const taker = new Taker<number>(takesRuns);
            readable.pipeTo(taker.stream).catch(() => {});
            return { taker, readable };
          });
          groups.push(group);
        };
        join();
        for (const command of [...script, "resume", "settle"] as const) {
          if (command === "settle") await settle();
          else if (command === "join") join();
          else if (typeof command === "object") {
            publish(hub, published, published + command.publish);
            published += command.publish;
          } else {
            for (const { taker } of groups.flat()) {
              if (command === "stall") taker.isStalled = true;
              else taker.resume();
            }
          }
          if (command !== "settle") continue;
          for (const group of groups) {
            const [reference] = group.map(({ taker }) => taker.chunks);
            for (const { taker, readable } of group) {
              expect(taker.chunks).toEqual(reference);
              const stats = hub.statsOf(readable);
              if (!stats) continue;
              const { offered, delivered, queued, dropped } = stats;
              expect(offered).toBe(delivered + queued + dropped.chunks);
            }
          }
        }
      },
    );
    await fc.assert(property, { numRuns: 500, includeErrorInReport: true });
  });
});
