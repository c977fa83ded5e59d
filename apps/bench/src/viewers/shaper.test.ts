import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Bottleneck } from "./bottleneck.ts";
import { Jitter } from "./jitter.ts";
import { PathClock } from "./path-clock.ts";
import { type Inflow, type Shape, Shaper } from "./shaper.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const open: Inflow = { pause: () => {}, resume: () => {} };

function shapeOf(bytesPerSecond: number, delayMs: (atMs: number) => number): Shape {
  return { clock: new PathClock(), bottleneck: new Bottleneck(bytesPerSecond), delayMs };
}

describe("Shaper", () => {
  test("lets bytes through at a rate and after a while, all of them and in order", () => {
    const inflow = { pause: vi.fn<() => void>(), resume: vi.fn<() => void>() };
    const got: number[] = [];
    const shape = shapeOf(1_000_000, () => 20);
    const shaper = new Shaper(shape, inflow, (bytes) => got.push(...bytes));
    const sent = Array.from({ length: 50_000 }, (_, index) => index % 251);
    shaper.take(Uint8Array.from(sent));
    expect(inflow.pause).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(20);
    expect(got).toHaveLength(0);
    expect(inflow.resume).not.toHaveBeenCalled();
    vi.advanceTimersByTime(25);
    expect(Math.abs(got.length - 25_000)).toBeLessThan(3_000);
    vi.advanceTimersByTime(26);
    expect(got).toEqual(sent);
    expect(inflow.resume).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("delivers nothing once it is stopped", () => {
    const deliver = vi.fn<(bytes: Uint8Array) => void>();
    const shaper = new Shaper(
      shapeOf(Infinity, () => 5),
      open,
      deliver,
    );
    shaper.take(new Uint8Array(10));
    shaper.stop();
    vi.advanceTimersByTime(100);
    expect(deliver).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("takes and delivers nothing while its clock stands still, and then goes on where it was", () => {
    const inflow = { pause: vi.fn<() => void>(), resume: vi.fn<() => void>() };
    const shape = shapeOf(1_000_000, () => 20);
    let got = 0;
    const shaper = new Shaper(shape, inflow, (bytes) => (got += bytes.byteLength));
    shaper.take(new Uint8Array(5_000));
    vi.advanceTimersByTime(10);
    shape.clock.stop();
    shaper.take(new Uint8Array(15_000));
    expect(inflow.pause).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(3_000);
    expect(got).toBe(0);
    expect(inflow.resume).not.toHaveBeenCalled();
    shape.clock.go();
    vi.advanceTimersByTime(16);
    expect(got).toBe(5_000);
    expect(inflow.resume).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(30);
    expect(got).toBe(20_000);
    shaper.stop();
  });

  test("keeps the order where the delay becomes shorter", () => {
    let delayMs = 50;
    const got: number[] = [];
    const shape = shapeOf(Infinity, () => delayMs);
    const shaper = new Shaper(shape, open, (bytes) => got.push(...bytes));
    shaper.take(Uint8Array.of(1));
    delayMs = 5;
    shaper.take(Uint8Array.of(2));
    vi.advanceTimersByTime(40);
    expect(got).toEqual([]);
    vi.advanceTimersByTime(11);
    expect(got).toEqual([1, 2]);
  });

  test("shares a bottleneck evenly between connections that have always more", () => {
    const shape = shapeOf(1_000_000, () => 0);
    const got = [0, 0];
    for (const each of got.keys()) {
      const path = { isOpen: true };
      const inflow = { pause: () => (path.isOpen = false), resume: () => (path.isOpen = true) };
      const shaper = new Shaper(shape, inflow, ({ byteLength }) => {
        got[each] = (got[each] ?? 0) + byteLength;
      });
      // The first would take it all if whoever comes first were served first.
      setInterval(() => {
        while (path.isOpen) shaper.take(new Uint8Array(4_000));
      }, 1);
    }
    vi.advanceTimersByTime(2_000);
    const [first = 0, second = 0] = got;
    expect(first + second).toBeGreaterThan(1_900_000);
    expect(Math.min(first, second) / Math.max(first, second)).toBeGreaterThan(0.95);
  });
});

describe("Jitter", () => {
  test("changes from moment to moment within its bounds, and is the same in every run", () => {
    const run = (): number[] => {
      const jitter = new Jitter(20);
      return Array.from({ length: 100 }, (_, index) => jitter.at(10 * index));
    };
    const delays = run();
    expect(run()).toEqual(delays);
    expect(new Set(delays).size).toBeGreaterThan(90);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.min(...delays)).toBeLessThan(4);
    expect(Math.max(...delays)).toBeLessThanOrEqual(20);
    expect(Math.max(...delays)).toBeGreaterThan(16);
  });

  test("is the same for what leaves within the same moment", () => {
    const jitter = new Jitter(20);
    expect(jitter.at(9)).toBe(jitter.at(0));
  });
});
