import { describe, expect, test } from "vitest";
import { Batch, type Chunk } from "./batch.ts";

/** Sends all through one stage, as `change` leaves them. */
function run(
  count: number,
  change: (chunks: Chunk[]) => Chunk[] = (chunks) => chunks,
  batch: Batch = new Batch(),
): Batch {
  batch.start(count);
  for (const chunk of change(batch.chunks.map(batch.pass))) batch.take(chunk);
  return batch;
}

describe("Batch", () => {
  test("takes what is right", () => {
    expect(() => run(3000).check(1)).not.toThrow();
  });

  test("takes drops that are told", () => {
    expect(() => run(3000, (chunks) => chunks.slice(2990)).check(1, 2990)).not.toThrow();
  });

  test("starts anew with every run, of another length too", () => {
    const batch = run(10);
    for (const count of [10, 20]) {
      expect(() => run(count, undefined, batch).check(1)).not.toThrow();
    }
  });

  test.each([
    ["a chunk that got lost", (chunks: Chunk[]) => chunks.slice(1)],
    ["a chunk that came twice", (chunks: Chunk[]) => [...chunks, ...chunks.slice(-1)]],
    ["a chunk in place of another", ([, second, ...rest]: Chunk[]) => [second, second, ...rest]],
    ["an order that changed", (chunks: Chunk[]) => chunks.toReversed()],
    ["nothing", () => []],
  ] as const)("refuses %s", (_what, change) => {
    expect(() => run(10, change as (chunks: Chunk[]) => Chunk[]).check(1)).toThrow(
      "Cannot count this",
    );
  });

  test("refuses a stage that was left out", () => {
    expect(() => run(10).check(2)).toThrow("chunks that passed a stage: 10, want 20");
  });
});
