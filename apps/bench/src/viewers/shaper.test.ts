import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Shaper } from "./shaper.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("lets bytes through at a rate and after a while, all of them and in order", () => {
  const inflow = { pause: vi.fn<() => void>(), resume: vi.fn<() => void>() };
  const got: number[] = [];
  const shape = { bytesPerSecond: 1_000_000, delayMs: 20 };
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
  const shaper = new Shaper({ delayMs: 5 }, { pause: () => {}, resume: () => {} }, deliver);
  shaper.take(new Uint8Array(10));
  shaper.stop();
  vi.advanceTimersByTime(100);
  expect(deliver).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
