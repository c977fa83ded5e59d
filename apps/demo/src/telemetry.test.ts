import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Reading, telemetrySource } from "./telemetry.ts";

let reader: ReadableStreamDefaultReader<Reading> | undefined;

/** Reads on its own until the stream ends. */
function watch(readable: ReadableStream<Reading>): Reading[] {
  const seen: Reading[] = [];
  const current = (reader = readable.getReader());
  const next = async (): Promise<void> => {
    const { done, value } = await current.read();
    if (done) return;
    seen.push(value);
    await next();
  };
  void next();
  return seen;
}

describe("telemetrySource()", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
  });
  afterEach(async () => {
    await reader?.cancel();
    reader = undefined;
    vi.useRealTimers();
  });

  test("gives 200 readings per second, numbered and stamped", async () => {
    const seen = watch(telemetrySource());
    await vi.advanceTimersByTimeAsync(10_000);
    expect(seen.length).toBeGreaterThanOrEqual(2_000);
    expect(seen.length).toBeLessThanOrEqual(2_002);
    expect(seen.map(({ seq }) => seq)).toEqual([...seen.keys()]);
    expect(seen[0]?.t).toBe(1_700_000_000_000);
    expect(seen[400]?.t).toBe(1_700_000_002_000);
  });

  test("gives what it is asked for", async () => {
    const seen = watch(telemetrySource({ perSecond: 30 }));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(seen.length).toBeGreaterThanOrEqual(60);
    expect(seen.length).toBeLessThanOrEqual(61);
  });

  test("updates a dozen sensors at least ten times per second each", async () => {
    const seen = watch(telemetrySource());
    await vi.advanceTimersByTimeAsync(2_000);
    const counts = new Map<string, number>();
    for (const { sensor } of seen) counts.set(sensor, (counts.get(sensor) ?? 0) + 1);
    expect(counts.size).toBeGreaterThanOrEqual(12);
    for (const [sensor, count] of counts) {
      expect(count, sensor).toBeGreaterThanOrEqual(20);
    }
  });

  test("measures, with the last second's range around each value", async () => {
    const seen = watch(telemetrySource());
    await vi.advanceTimersByTimeAsync(3_000);
    const last = new Map(seen.map((reading) => [reading.sensor, reading]));
    expect(last.size).toBeGreaterThanOrEqual(12);
    for (const { sensor, value, min, max, mean, samples } of last.values()) {
      expect(Number.isFinite(value), sensor).toBe(true);
      expect(value, sensor).toBeGreaterThanOrEqual(min);
      expect(value, sensor).toBeLessThanOrEqual(max);
      expect(mean, sensor).toBeGreaterThanOrEqual(min);
      expect(mean, sensor).toBeLessThanOrEqual(max);
      expect(samples, sensor).toBeGreaterThanOrEqual(10);
      expect(samples, sensor).toBeLessThanOrEqual(20);
    }
    expect(last.get("memory.rss")?.value).toBeGreaterThan(10 << 20);
    expect(last.get("memory.rss")?.pid).toBe(process.pid);
  });

  test("writes readings of about 250 bytes", async () => {
    const seen = watch(telemetrySource());
    await vi.advanceTimersByTimeAsync(5_000);
    const sizes = seen.slice(500).map((reading) => Buffer.byteLength(JSON.stringify(reading)));
    expect(sizes.length).toBeGreaterThan(400);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(210);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(290);
  });

  test("measures nothing while nobody reads, and then does not catch up in a burst", async () => {
    const readable = telemetrySource();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(vi.getTimerCount()).toBe(0);
    const seen = watch(readable);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen.length).toBeLessThanOrEqual(202);
  });

  test("clears its timer when it is cancelled", async () => {
    const seen = watch(telemetrySource());
    await vi.advanceTimersByTimeAsync(101);
    expect(vi.getTimerCount()).toBe(1);
    await reader?.cancel();
    expect(vi.getTimerCount()).toBe(0);
    const count = seen.length;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen).toHaveLength(count);
  });

  test("refuses an option out of range", () => {
    expect(() => telemetrySource({ perSecond: 0 })).toThrow(RangeError);
  });
});
