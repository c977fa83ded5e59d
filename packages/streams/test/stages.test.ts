import { settle } from "@spillway/testing";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { batch } from "../src/batch.ts";
import { bounded } from "../src/bounded.ts";
import { expire } from "../src/expire.ts";
import { filter } from "../src/filter.ts";
import { map } from "../src/map.ts";
import { meter } from "../src/meter.ts";
import { sample } from "../src/sample.ts";
import { tap } from "../src/tap.ts";
import { throttle } from "../src/throttle.ts";
import { unbatch } from "../src/unbatch.ts";
import { via, ways } from "./ends-of.ts";
import { holds, pending, track, type Tracked } from "./model.ts";

/** Milliseconds the property may take on a busy machine; it takes a few seconds. */
const LIMIT_MS = 60_000;

type Pair = ReadableWritablePair<number, number>;
/** Makes a stage that tells of every chunk it drops. */
type Make = (onDrop: (chunk: number) => void) => Pair;

const told = (onDrop: (chunk: number) => void) => (dropped: { readonly chunk: number }) =>
  onDrop(dropped.chunk);
const later = async (chunk: number): Promise<number> => {
  for (let turn = 0; turn < chunk % 4; turn++) await Promise.resolve();
  return chunk;
};

const stages: Readonly<Record<string, Make>> = {
  map: () => map((chunk) => chunk),
  "map, async": () => map(later),
  "map, three at once": () => map(later, { concurrency: 3 }),
  "map, working ahead": () => map((chunk) => chunk, { readableStrategy: { highWaterMark: 2 } }),
  filter: (onDrop) =>
    filter((chunk) => {
      if (chunk % 3 !== 0) return true;
      onDrop(chunk);
      return false;
    }),
  tap: () => tap(later, { concurrency: 2 }),
  throttle: () => throttle({ perSecond: 100, burst: 2 }),
  meter: () => meter({ writableStrategy: { highWaterMark: 3 } }),
  sample: (onDrop) => sample({ everyMs: 10, onDrop: told(onDrop) }),
  expire: (onDrop) => expire({ maxAgeMs: 15, onDrop: told(onDrop) }),
  "bounded, waiting": () => bounded({ highWaterMark: 2 }),
  "bounded, dropping": (onDrop) =>
    bounded({ highWaterMark: 2, overflow: "drop-oldest", onDrop: told(onDrop) }),
  "batch and unbatch": () => {
    const gathered = batch<number>({ maxCount: 3, maxDelayMs: 10 });
    return { readable: gathered.readable.pipeThrough(unbatch()), writable: gathered.writable };
  },
};

/** A number is a wait in milliseconds. */
type Command = number | "write" | "read" | "close" | "abort" | "cancel";

/** A chain of stages, and what happened at its two ends. */
class Chain {
  readonly dropped: number[] = [];
  readonly delivered: number[] = [];
  readonly #reader: ReadableStreamDefaultReader<number>;
  readonly #writer: WritableStreamDefaultWriter<number>;
  readonly #writes: Tracked<void>[] = [];
  readonly #reads: Tracked<ReadableStreamReadResult<number>>[] = [];
  readonly #ends: Tracked<unknown>[] = [];
  #seen = 0;
  #isAborted = false;

  constructor(names: readonly (readonly [keyof typeof stages, (typeof ways)[number]])[]) {
    const pairs = names.map(([name]) =>
      (stages[name] as Make)((chunk) => this.dropped.push(chunk)),
    );
    const [first, ...others] = pairs as [Pair, ...Pair[]];
    let { readable } = first;
    for (const [index, pair] of others.entries()) {
      readable = via(names[index]?.[1] ?? "direct", readable).pipeThrough(pair);
    }
    this.#reader = readable.getReader();
    this.#writer = first.writable.getWriter();
    this.#ends.push(track(this.#reader.closed), track(this.#writer.closed));
    track(this.#writer.ready);
  }

  async run(command: Command): Promise<void> {
    if (typeof command === "number") await vi.advanceTimersByTimeAsync(command);
    else void this.#call(command);
    await settle();
    this.#look();
  }

  /** Ends what is still open, and looks for anything lost, out of order or left pending. */
  async finish(): Promise<void> {
    this.#ends.push(track(this.#call("close")));
    for (let turn = 0; pending(this.#ends) > 0 && turn < 500; turn++) {
      await this.run("read");
      await this.run(10);
    }
    holds(pending(this.#ends) === 0, "the ends settle");
    holds(pending(this.#writes) === 0, "the writes settle");
    holds(pending(this.#reads) === 0, "the reads settle");
    expect(vi.getTimerCount()).toBe(0);
    const known = this.delivered.concat(this.dropped);
    holds(new Set(known).size === known.length, "no chunk comes twice");
    if (this.#isAborted) return;
    const taken = [...this.#writes.keys()].filter(
      (chunk) => this.#writes[chunk]?.state === "fulfilled",
    );
    expect(known.toSorted((one, two) => one - two)).toEqual(taken);
  }

  async #call(command: Exclude<Command, number>): Promise<void> {
    if (command === "write") {
      // Node 20 throws on a write to a closed stream, where the standard rejects.
      const write = async (): Promise<void> => this.#writer.write(this.#writes.length);
      this.#writes.push(track(write()));
    } else if (command === "read") this.#reads.push(track(this.#reader.read()));
    else if (command === "close") await this.#writer.close().catch(() => {});
    else {
      this.#isAborted = true;
      const end = command === "abort" ? this.#writer.abort("abort") : this.#reader.cancel("cancel");
      this.#ends.push(track(end));
    }
  }

  #look(): void {
    for (const { state, value } of this.#reads.slice(this.#seen)) {
      if (state === "pending") return;
      this.#seen++;
      if (value?.value === undefined) continue;
      holds(value.value > (this.delivered.at(-1) ?? -1), "the order");
      this.delivered.push(value.value);
    }
  }
}

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 10, arbitrary: fc.constant("write" as const) },
  { weight: 8, arbitrary: fc.constant("read" as const) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 30 }) },
);

const names = fc.array(
  fc.tuple(fc.constantFrom(...Object.keys(stages)), fc.constantFrom(...ways)),
  { minLength: 1, maxLength: 5 },
);

describe("any chain of stages", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test("loses nothing but what it tells of", { timeout: LIMIT_MS }, async () => {
    const property = fc.asyncProperty(
      names,
      fc.array(command, { maxLength: 30 }),
      async (chosen, script) => {
        const chain = new Chain(chosen);
        for (const step of script) await chain.run(step);
        await chain.finish();
      },
    );
    await fc.assert(property, { numRuns: 500 });
  });

  test("ends however it is ended, and settles all", { timeout: LIMIT_MS }, async () => {
    const end = fc.constantFrom("close" as const, "abort" as const, "cancel" as const);
    const property = fc.asyncProperty(
      names,
      fc.array(command, { maxLength: 20 }),
      fc.array(end, { minLength: 1, maxLength: 2 }),
      fc.array(command, { maxLength: 5 }),
      async (chosen, script, ends, afterwards) => {
        const chain = new Chain(chosen);
        for (const step of [...script, ...ends, ...afterwards]) await chain.run(step);
        await chain.finish();
      },
    );
    await fc.assert(property, { numRuns: 500 });
  });
});
