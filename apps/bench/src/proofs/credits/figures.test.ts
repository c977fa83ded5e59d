import { describe, expect, test } from "vitest";
import type { Sample, Showing, StateChange } from "../states/protocol.ts";
import { ageMs, frozenMs, unreadBytes } from "./figures.ts";

const showing = (atMs: number, bytes: number, madeAtMs = 0): Showing => ({ atMs, madeAtMs, bytes });
const sample = (atMs: number, takenBytes: number): Sample => ({
  atMs,
  takenBytes,
  backpressureMs: 0,
});

describe("unreadBytes()", () => {
  const samples = [sample(10, 100), sample(20, 300), sample(30, 900)];
  const showings = [showing(11, 50), showing(19, 120), showing(29, 400)];

  test("goes by the last look before, and by what was read until then", () => {
    expect(unreadBytes(samples, showings, 25)).toBe(180);
    expect(unreadBytes(samples, showings, Infinity)).toBe(500);
  });

  test("knows of nothing before anything was looked at or read", () => {
    expect(unreadBytes(samples, showings, 10)).toBe(0);
    expect(unreadBytes(samples, showings, 11)).toBe(100);
  });
});

describe("ageMs()", () => {
  const showings = Array.from({ length: 101 }, (_, index) => showing(1000 + index, 0, 1000));
  const span = { fromMs: 1000, untilMs: 2000 };

  test("has the quantile of what was read meanwhile", () => {
    expect(ageMs(showings, span, 0)).toBe(0);
    expect(ageMs(showings, span, 0.5)).toBe(50);
    expect(ageMs(showings, span, 0.99)).toBe(99);
    expect(ageMs(showings, { fromMs: 1000, untilMs: 1011 }, 0.5)).toBe(5);
  });

  test("is endless where nothing was read", () => {
    expect(ageMs(showings, { fromMs: 0, untilMs: 1000 }, 0.5)).toBe(Infinity);
  });
});

describe("frozenMs()", () => {
  const changes: StateChange[] = [
    { atMs: 0, state: "healthy" },
    { atMs: 100, state: "frozen" },
    { atMs: 150, state: "congested" },
    { atMs: 300, state: "frozen" },
  ];

  test("adds up what lies in the span, the last state included", () => {
    expect(frozenMs(changes, { fromMs: 0, untilMs: 400 })).toBe(150);
    expect(frozenMs(changes, { fromMs: 120, untilMs: 200 })).toBe(30);
    expect(frozenMs(changes, { fromMs: 150, untilMs: 300 })).toBe(0);
  });
});
