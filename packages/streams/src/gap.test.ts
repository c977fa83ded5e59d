import { describe, expect, test } from "vitest";
import { conflate } from "./conflate.ts";
import { Gap, GapLedger } from "./gap.ts";
import { prioritize } from "./prioritize.ts";
import { BoundedQueue } from "./queue.ts";
import type { QueueOptions } from "./queue-options.ts";

function queueOf(options: QueueOptions<number> = {}): BoundedQueue<number> {
  return new BoundedQueue<number>({
    maxChunks: 2,
    overflow: "drop-oldest",
    gaps: true,
    ...options,
  });
}

function offerAll(queue: BoundedQueue<number>, chunks: readonly number[]): void {
  for (const chunk of chunks) queue.offer(chunk);
}

/** The chunk, or what is missing, as `2 oldest`. */
function take(queue: BoundedQueue<number>): number | string | undefined {
  const next = queue.takeGap() ?? queue.shift();
  return next instanceof Gap ? `${next.dropped} ${next.reason}` : next?.chunk;
}

function takeAll(queue: BoundedQueue<number>): (number | string)[] {
  const taken: (number | string)[] = [];
  for (let next = take(queue); next !== undefined; next = take(queue)) taken.push(next);
  return taken;
}

describe("takeGap()", () => {
  test("stands before the chunk behind what was dropped", () => {
    const queue = queueOf();
    offerAll(queue, [1, 2, 3, 4]);
    expect(takeAll(queue)).toEqual(["2 oldest", 3, 4]);
  });

  test("gives the sum of sizes", () => {
    const queue = queueOf({ size: (chunk) => chunk });
    offerAll(queue, [3, 4, 5, 6]);
    expect(queue.takeGap()).toEqual(new Gap(2, 7, "oldest"));
  });

  test("stands before the next chunk admitted where one was refused", () => {
    const queue = queueOf({ overflow: "drop-newest" });
    offerAll(queue, [1, 2, 3, 4]);
    expect(take(queue)).toBe(1);
    offerAll(queue, [5, 6]);
    expect(takeAll(queue)).toEqual([2, "2 newest", 5, "1 newest"]);
  });

  test("tells a consumer that has caught up", () => {
    const queue = queueOf({ overflow: "drop-newest" });
    offerAll(queue, [1, 2, 3]);
    expect(takeAll(queue)).toEqual([1, 2, "1 newest"]);
    offerAll(queue, [4]);
    expect(takeAll(queue)).toEqual([4]);
  });

  test("stands where a chunk was dropped from between", () => {
    const queue = queueOf({ maxChunks: 10 });
    offerAll(queue, [1, 2, 3, 4, 5, 6]);
    queue.dropWhere("odd", ({ chunk }) => chunk % 2 === 1);
    queue.dropWhere("late", ({ chunk }) => chunk === 4);
    expect(takeAll(queue)).toEqual(["1 odd", 2, "2 odd", "1 late", 6]);
  });

  test("tells one gap for each reason, whatever the turns they took", () => {
    const queue = queueOf({ maxChunks: 10 });
    offerAll(queue, [1, 2, 3, 4, 5]);
    for (const reason of ["a", "b", "a", "b"]) queue.dropFirst(reason);
    expect(takeAll(queue)).toEqual(["2 a", "2 b", 5]);
  });

  test("counts what expires on the way", () => {
    let time = 0;
    const queue = queueOf({ maxChunks: 10, maxAgeMs: 10, now: () => time });
    offerAll(queue, [1, 2]);
    time = 20;
    offerAll(queue, [3]);
    expect(take(queue)).toBe("2 expired");
    time = 40;
    expect(takeAll(queue)).toEqual(["1 expired"]);
  });

  test("sees the moment that shift() sees after it", () => {
    let time = 0;
    const clock = (): number => (time += 0.4);
    const queue = queueOf({ maxChunks: 10, maxAgeMs: 1.3, now: clock });
    offerAll(queue, [1, 2, 3]);
    expect(takeAll(queue)).toEqual([1, "1 expired", "1 expired"]);
  });

  test("never lets shift() hand out what has become too old since", () => {
    let time = 0;
    const queue = queueOf({ maxAgeMs: 10, now: () => time });
    time = 5;
    offerAll(queue, [1]);
    expect(queue.takeGap()).toBeUndefined();
    time = 25;
    expect(queue.shift()).toBeUndefined();
    expect(takeAll(queue)).toEqual(["1 expired"]);
  });

  test("keeps for later what a consumer does not ask for", () => {
    const queue = queueOf();
    offerAll(queue, [1, 2, 3]);
    expect(queue.shift()?.chunk).toBe(2);
    expect(takeAll(queue)).toEqual(["1 oldest", 3]);
  });

  test("tells of nothing after clear()", () => {
    const queue = queueOf();
    offerAll(queue, [1, 2, 3, 4]);
    expect(queue.isEmpty).toBe(false);
    queue.clear("closed");
    expect(queue.isEmpty).toBe(true);
    expect(queue.takeGap()).toBeUndefined();
    offerAll(queue, [5]);
    expect(takeAll(queue)).toEqual([5]);
  });

  test("takes what everything waiting was replaced by for a gap", () => {
    const queue = queueOf({ overflow: "latest" });
    offerAll(queue, [1, 2, 3]);
    expect(takeAll(queue)).toEqual(["2 replaced", 3]);
  });

  test("takes a newer value of the same key for none", () => {
    const queue = queueOf({ overflow: conflate({ key: (chunk) => chunk % 10 }) });
    offerAll(queue, [1, 11, 2, 12, 3]);
    expect(takeAll(queue)).toEqual(["1 oldest", 12, 3]);
  });

  test("stands in line where a policy picks out of turn", () => {
    const queue = queueOf({ maxChunks: 3, overflow: prioritize({ rank: (chunk) => chunk % 10 }) });
    offerAll(queue, [2, 0, 1, 12]);
    expect(takeAll(queue)).toEqual([2, 12, "1 outranked", 1]);
  });

  test("takes nothing without gaps", () => {
    const queue = queueOf({ gaps: false });
    offerAll(queue, [1, 2, 3]);
    expect(takeAll(queue)).toEqual([2, 3]);
  });
});

describe("GapLedger", () => {
  test("keeps the order of gaps when the chunk between them leaves", () => {
    const ledger = new GapLedger();
    ledger.add(1, new Gap(1, 1, "before"));
    ledger.add(2, new Gap(1, 1, "behind"));
    ledger.move(1, 2);
    expect([ledger.take(2)?.reason, ledger.take(2)?.reason]).toEqual(["before", "behind"]);
    expect([ledger.take(1), ledger.take(2)]).toEqual([undefined, undefined]);
  });

  test("holds few more gaps than places, and counts right", () => {
    const ledger = new GapLedger();
    const places = 10;
    for (let drop = 0; drop < 1000; drop++) ledger.add(drop % places, new Gap(1, 2, `${drop}`));
    const gaps: Gap[] = [];
    for (let place = 0; place < places; place++) {
      for (let gap = ledger.take(place); gap; gap = ledger.take(place)) gaps.push(gap);
    }
    expect(gaps.length).toBe(places + 16);
    expect(gaps.reduce((sum, { dropped }) => sum + dropped, 0)).toBe(1000);
    expect(gaps.reduce((sum, { size }) => sum + size, 0)).toBe(2000);
    // What was spare is spare again.
    for (const reason of ["a", "b", "a"]) ledger.add(0, new Gap(1, 1, reason));
    expect([ledger.take(0)?.dropped, ledger.take(0)?.dropped]).toEqual([2, 1]);
  });

  /** Fills a place beyond what is spare, and gives the gaps it has then. */
  function fill(ledger: GapLedger): (number | string)[][] {
    for (let drop = 0; drop < 20; drop++) ledger.add(0, new Gap(1, 1, `${drop}`));
    const gaps: (number | string)[][] = [];
    for (let gap = ledger.take(0); gap; gap = ledger.take(0)) gaps.push([gap.dropped, gap.reason]);
    return gaps;
  }

  const one = Array.from({ length: 16 }, (_, drop) => [1, `${drop}`]);
  const filled = [...one, [4, "16"]];

  test("adds to the last gap of a place, under its reason, when nothing is spare", () => {
    expect(fill(new GapLedger())).toEqual(filled);
  });

  test("has as many spare after any number of gaps were taken", () => {
    const ledger = new GapLedger();
    for (let round = 0; round < 40; round++) {
      ledger.add(0, new Gap(1, 1, "taken"));
      ledger.take(0);
    }
    expect(fill(ledger)).toEqual(filled);
  });

  test("has as many spare after clear()", () => {
    const ledger = new GapLedger();
    for (let drop = 0; drop < 20; drop++) ledger.add(drop >> 2, new Gap(1, 1, `${drop}`));
    ledger.clear();
    expect(fill(ledger)).toEqual(filled);
  });
});
