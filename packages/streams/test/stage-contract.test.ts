import { type ContractPair, streamContract } from "@spillway/testing";
import { afterAll, describe, expect, test } from "vitest";
import { batch } from "../src/batch.ts";
import { bounded } from "../src/bounded.ts";
import { pumped } from "../src/ends.ts";
import { expire } from "../src/expire.ts";
import { filter } from "../src/filter.ts";
import { map } from "../src/map.ts";
import { meter } from "../src/meter.ts";
import { sink } from "../src/sink.ts";
import { tap } from "../src/tap.ts";
import { throttle } from "../src/throttle.ts";
import { unbatch } from "../src/unbatch.ts";
import { ways } from "./ends-of.ts";

/** What the contract names as the most that a pair holds; the source that wraps it holds some. */
const MAX_HELD_CHUNKS = 12;

const stages: Readonly<Record<string, () => ReadableWritablePair<number, number>>> = {
  "map()": () => map((chunk) => chunk),
  "map(), async": () => map(async (chunk) => chunk),
  "map(), four at once": () => map(async (chunk) => chunk, { concurrency: 4 }),
  "map() with room behind it": () =>
    map((chunk) => chunk, { readableStrategy: { highWaterMark: 3 } }),
  "map() with room before it": () =>
    map((chunk) => chunk, { writableStrategy: { highWaterMark: 3 } }),
  "filter()": () => filter(() => true),
  "filter(), two at once": () => filter(async () => true, { concurrency: 2 }),
  "tap()": () => tap(() => {}),
  "tap(), async": () => tap(async () => {}),
  "throttle()": () => throttle({ perSecond: 1e9 }),
  "meter()": () => meter({ timeOf: () => 0 }),
  "expire()": () => expire({ maxAgeMs: Infinity, timeOf: () => 0 }),
  "bounded()": () => bounded({ highWaterMark: 4 }),
};

for (const [name, make] of Object.entries(stages)) {
  check(name, () => ({ ...make(), ...ends<number, number>(), chunk: (index) => index }));
}

check("batch()", () => ({
  ...batch<number>({ maxCount: 1 }),
  ...ends<number, readonly number[]>(),
  chunk: (index) => index,
  equals: (received, sent) => received.length === 1 && received[0] === sent,
}));

for (const [name, highWaterMark] of [
  ["unbatch()", 0],
  ["unbatch() with room behind it", 3],
] as const) {
  check(name, () => ({
    ...unbatch<number>({ readableStrategy: { highWaterMark } }),
    ...ends<Iterable<number>, number>(),
    chunk: (index) => new Set([index]),
    equals: (received, sent) => new Set(sent).has(received),
  }));
}

/** Runs the contract where pipes know one another's ends, and where they do not. */
function check<In, Out>(name: string, make: () => ContractPair<In, Out>): void {
  describe.each(ways)(`${name}, %s`, (way) => {
    const cases = streamContract(make, { via: way });
    const atFirst = pumped();

    for (const { name: behaviour, run } of cases) {
      test(behaviour, async () => {
        const before = pumped();
        await run();
        if (way === "foreign") expect(pumped()).toBe(before);
      });
    }

    afterAll(() => {
      if (way === "direct") expect(pumped()).toBeGreaterThan(atFirst);
    });
  });
}

/** Makes what is at both ends of a pipe ours. */
function ends<In, Out>(): Pick<ContractPair<In, Out>, "maxHeldChunks" | "wrapSource" | "wrapSink"> {
  return {
    maxHeldChunks: MAX_HELD_CHUNKS,
    wrapSource: (source) => source.pipeThrough(map((chunk) => chunk)),
    wrapSink: ownSink,
  };
}

function ownSink<T>(destination: WritableStream<T>): WritableStream<T> {
  const writer = destination.getWriter();
  return sink({
    start: (controller) => {
      writer.closed.catch((error: unknown) => controller.error(error));
    },
    write: (chunk) => writer.write(chunk),
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
}
