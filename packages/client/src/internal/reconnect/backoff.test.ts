import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Backoff, isRetried, type LinkEnd } from "./backoff.ts";

const settings = { firstDelayMs: 250, maxDelayMs: 30_000 };

function end(closeCode: number | null, ageMs: number = 0, reason: string = ""): LinkEnd {
  return { closeCode, reason, ageMs };
}

/** What is waited after so many attempts that failed. */
function delays(attempts: number, how: LinkEnd = end(1006)): number[] {
  const backoff = new Backoff(settings);
  return Array.from({ length: attempts }, () => {
    backoff.begin();
    backoff.forgive(how);
    return backoff.delayAfter(how).delayMs;
  });
}

describe("Backoff", () => {
  let random = 1;

  beforeEach(() => {
    vi.spyOn(Math, "random").mockImplementation(() => random);
  });

  afterEach(() => {
    vi.restoreAllMocks();
    random = 1;
  });

  test("doubles up to its limit, and never goes beyond", () => {
    expect(delays(9)).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(delays(5000).at(-1)).toBe(30_000);
  });

  test("waits any part of that", () => {
    random = 0.5;
    expect(delays(3)).toEqual([125, 250, 500]);
    random = 0;
    expect(delays(3)).toEqual([0, 0, 0]);
  });

  test("connects at once after a connection that lasted, unless its server told everyone", () => {
    expect(delays(2, end(1006, 10_000))).toEqual([0, 0]);
    expect(delays(2, end(1006, 9_999))).toEqual([250, 500]);
    expect(delays(2, end(1001, 10_000))).toEqual([250, 250]);
    expect(delays(2, end(1012, 10_000))).toEqual([250, 250]);
  });

  test("leaves a server that is busy alone for longer, and half of that always", () => {
    expect(delays(4, end(1013))).toEqual([4000, 8000, 16_000, 30_000]);
    random = 0;
    expect(delays(4, end(1013))).toEqual([2000, 4000, 8000, 15_000]);
  });

  test("waits as long as a server asks for, and at most half as long again", () => {
    for (const reason of ["retry-after=5", "too slow; retry-after=5"]) {
      expect(delays(1, end(1013, 0, reason))).toEqual([7500]);
      random = 0;
      expect(delays(1, end(1001, 60_000, reason))).toEqual([5000]);
      random = 1;
    }
    random = 0;
    expect(delays(1, end(1013, 0, "retry-after=999999999"))).toEqual([3_600_000]);
  });

  test("takes nothing else for such a wish", () => {
    const texts = ["retry-after=5s", "retry-after=-1", "no retry-after=5", "retry-after=5; no"];
    for (const reason of [...texts, "retry-after=", "Retry-After: 5"]) {
      expect(delays(1, end(1001, 0, reason))).toEqual([250]);
    }
  });

  test("tells what comes back from what does not", () => {
    const codes = [null, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015];
    expect(codes.filter((closeCode) => !isRetried({ closeCode }))).toEqual([]);
    const final = [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 4000, 4002, 4999];
    expect(final.filter((closeCode) => isRetried({ closeCode }))).toEqual([]);
  });
});
