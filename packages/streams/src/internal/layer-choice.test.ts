import { describe, expect, test } from "vitest";
import { LayerChoice } from "./layer-choice.ts";

const BEST = 9_000_000;

/** Goes up at 0 and down as told; tells the milliseconds until it goes up again. */
function waitAfter(falls: readonly { readonly atMs: number; readonly bitrate: number }[]): number {
  const choice = new LayerChoice([300_000, 1_000_000, 3_000_000]);
  expect(choice.choose(BEST, 0)).toBe(2);
  for (const { bitrate, atMs } of falls) choice.choose(bitrate, atMs);
  const fallenAtMs = falls.at(-1)?.atMs ?? 0;
  const lowest = choice.choose(0, fallenAtMs);
  for (let nowMs = fallenAtMs; nowMs < 200_000; nowMs += 100) {
    if (choice.choose(BEST, nowMs) > lowest) return nowMs;
  }
  return Infinity;
}

describe("a layer that was too much", () => {
  test("is tried again after ten seconds", () => {
    expect(waitAfter([{ atMs: 5_000, bitrate: 0 }])).toBe(15_000);
  });

  test("is one that was too much, in however many steps a viewer goes down", () => {
    const falls = [
      { atMs: 5_000, bitrate: 2_000_000 },
      { atMs: 6_000, bitrate: 500_000 },
    ];
    expect(waitAfter(falls)).toBe(15_000);
  });

  test("is not tried again sooner because there is room for even less by then", () => {
    const falls = [
      { atMs: 9_000, bitrate: 2_000_000 },
      { atMs: 11_000, bitrate: 500_000 },
    ];
    expect(waitAfter(falls)).toBe(19_000);
  });

  test("is none where it was watched for longer", () => {
    expect(waitAfter([{ atMs: 10_000, bitrate: 0 }])).toBe(10_000);
  });
});
