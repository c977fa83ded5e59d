import { describe, expectTypeOf, test } from "vitest";
import { Gap } from "./gap.ts";
import { keyframes } from "./keyframes.ts";
import type { Admission, DropReason, Entry, OverflowPolicy, PolicyQueue } from "./policy.ts";
import { prioritize } from "./prioritize.ts";
import { BoundedQueue } from "./queue.ts";

interface Reading {
  readonly sensor: string;
  readonly value: number;
}

describe("BoundedQueue", () => {
  test("tells gaps from entries by their class", () => {
    const queue = new BoundedQueue<Reading>({ gaps: true });
    const next = queue.takeGap() ?? queue.shift();
    expectTypeOf(next).toEqualTypeOf<Gap | Entry<Reading> | undefined>();
    if (next instanceof Gap) expectTypeOf(next.reason).toEqualTypeOf<DropReason>();
    else expectTypeOf(next).toEqualTypeOf<Entry<Reading> | undefined>();
    // @ts-expect-error a gap is told, not changed
    if (next instanceof Gap) next.dropped = 0;
  });

  test("is what a policy sees", () => {
    expectTypeOf<BoundedQueue<Reading>>().toExtend<PolicyQueue<Reading>>();
  });

  test("refuses what would go wrong", () => {
    // @ts-expect-error gaps are asked for, not counted
    void new BoundedQueue({ gaps: 3 });
    // @ts-expect-error the bounds of a queue do not move
    new BoundedQueue().maxChunks = 3;
  });
});

describe("a policy of one's own", () => {
  test("picks by position, and decides at once", () => {
    const newestFirst: OverflowPolicy<unknown> = {
      name: "newest first",
      start: (queue) => ({ admit: () => "queue", pick: () => queue.next - 1 }),
    };
    void new BoundedQueue<Reading>({ overflow: newestFirst });
    // @ts-expect-error a position is a number
    const entries: Admission<Reading> = { admit: () => "queue", pick: () => undefined };
    // @ts-expect-error nobody waits for a verdict
    const slow: Admission<Reading> = { admit: async () => "queue" };
    expectTypeOf([entries, slow]).toEqualTypeOf<Admission<Reading>[]>();
  });
});

describe("prioritize()", () => {
  test("gives rank() the chunk's type", () => {
    void new BoundedQueue<Reading>({ overflow: prioritize({ rank: (chunk) => chunk.value }) });
    expectTypeOf(prioritize({ rank: (chunk: Reading) => chunk.value })).toEqualTypeOf<
      OverflowPolicy<Reading>
    >();
    prioritize({ rank: (chunk: Reading) => chunk.value, weights: { 0: 1, [-1.5]: 0.5 } });
  });

  test("refuses what would go wrong", () => {
    // @ts-expect-error a rank is a number, or it could not be compared
    prioritize({ rank: (chunk: Reading) => chunk.sensor });
    // @ts-expect-error a weight is a number
    prioritize({ rank: (chunk: Reading) => chunk.value, weights: { 0: "1" } });
    // @ts-expect-error without ranks there is nothing to go by
    prioritize({});
  });
});

const isKey = (chunk: EncodedVideoChunk): boolean => chunk.type === "key";

describe("keyframes()", () => {
  test("takes spans in milliseconds", () => {
    keyframes({ isKey, mediaTimeMs: (chunk) => chunk.timestamp / 1_000, maxSpanMs: undefined });
    // @ts-expect-error a time is a number
    keyframes({ isKey, mediaTimeMs: (chunk) => chunk.type });
  });
});
