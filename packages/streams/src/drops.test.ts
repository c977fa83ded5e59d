import { describe, expect, test } from "vitest";
import { DropCounter } from "./drops.ts";

describe("DropCounter", () => {
  test("adds up by reason, whatever the turns they take", () => {
    const counter = new DropCounter();
    expect(counter.counts()).toEqual({ chunks: 0, size: 0, reasons: {} });
    for (const reason of ["oldest", "oldest", "newest", "oldest", "newest"]) {
      counter.count(reason, 2, 5);
    }
    const counts = counter.counts();
    counter.count("newest", 1, 1);
    expect(counts).toEqual({
      chunks: 10,
      size: 25,
      reasons: { oldest: { chunks: 6, size: 15 }, newest: { chunks: 4, size: 10 } },
    });
    expect(counter.counts().reasons["newest"]).toEqual({ chunks: 5, size: 11 });
  });
});
