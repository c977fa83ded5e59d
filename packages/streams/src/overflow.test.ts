import { describe, expect, test } from "vitest";
import { overflowPolicy, type Overflow } from "./overflow.ts";
import type { Verdict } from "./policy.ts";
import { BoundedQueue } from "./queue.ts";

function offerAll(
  overflow: Overflow<number>,
  chunks: readonly number[],
): { verdicts: Verdict[]; held: number[]; reasons: Record<string, number> } {
  const queue = new BoundedQueue<number>({ maxSize: 10, size: (chunk) => chunk, overflow });
  const verdicts = chunks.map((chunk) => queue.offer(chunk));
  const held: number[] = [];
  for (let position = queue.first; position < queue.next; position++) {
    held.push(queue.at(position).chunk);
  }
  const { reasons } = queue.stats().dropped;
  return {
    verdicts,
    held,
    reasons: Object.fromEntries(
      Object.entries(reasons).map(([why, tally]) => [why, tally?.chunks ?? 0]),
    ),
  };
}

describe("overflowPolicy()", () => {
  test('"wait" holds the producer and loses nothing', () => {
    expect(offerAll("wait", [5, 5, 1])).toEqual({
      verdicts: ["queue", "queue", "wait"],
      held: [5, 5],
      reasons: {},
    });
  });

  test('"drop-oldest" makes room with as many of the oldest as it takes', () => {
    expect(offerAll("drop-oldest", [3, 3, 4, 5])).toEqual({
      verdicts: ["queue", "queue", "queue", "queue"],
      held: [4, 5],
      reasons: { oldest: 2 },
    });
  });

  test('"drop-oldest" empties the queue for a chunk larger than it', () => {
    expect(offerAll("drop-oldest", [3, 3, 50]).held).toEqual([50]);
  });

  test('"drop-newest" refuses what does not fit', () => {
    expect(offerAll("drop-newest", [6, 5, 4])).toEqual({
      verdicts: ["queue", "refused", "queue"],
      held: [6, 4],
      reasons: { newest: 1 },
    });
  });

  test('"latest" replaces everything, full or not', () => {
    expect(offerAll("latest", [1, 2, 50])).toEqual({
      verdicts: ["queue", "queue", "queue"],
      held: [50],
      reasons: { replaced: 2 },
    });
  });

  test('"error" throws with the sizes and the limits', () => {
    const full = (): unknown => offerAll("error", [6, 5]);
    expect(full).toThrow(expect.objectContaining({ code: "SPW_ERR_OVERFLOW" }));
    expect(full).toThrow(/size 5: 1 of size 6 wait, the limits are 1024 and 10$/);
  });

  test("passes a policy object on", () => {
    const policy = { name: "none", start: () => ({ admit: (): Verdict => "refused" }) };
    expect(overflowPolicy(policy)).toBe(policy);
  });

  test.each(["drop", "toString", ""])("refuses the word %o", (word) => {
    expect(() => overflowPolicy(word as "wait")).toThrow(RangeError);
  });

  test.each([undefined, null, 1, {}, () => "queue"])("refuses %o", (value) => {
    expect(() => overflowPolicy(value as never)).toThrow(TypeError);
  });
});
