import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BitrateTarget, bitratesOf, type Sending } from "./bitrate.ts";

const STEP_MS = 250;

/** A viewer behind a path that takes so many bits a second; its state as a connection tells it. */
class Viewer {
  takes: number;
  state: Sending["state"] = "healthy";
  congestion = 0;
  sentBytes = 0;

  constructor(takes: number) {
    this.takes = takes;
  }

  /** Is offered so much for {@link STEP_MS}. */
  offer(bitsPerSecond: number): void {
    this.sentBytes += (Math.min(bitsPerSecond, this.takes) * STEP_MS) / 8_000;
    const isBlocked = bitsPerSecond > this.takes ? 1 : 0;
    this.congestion = isBlocked + (this.congestion - isBlocked) * Math.exp(-STEP_MS / 1_000);
    const least = this.state === "congested" ? 0.2 : 0.5;
    if (this.state !== "frozen") this.state = this.congestion >= least ? "congested" : "healthy";
  }

  stats(): Sending {
    const { state, congestion, sentBytes } = this;
    return { state, congestion, sentBytes };
  }
}

/** An encoder that does as it is told, for so long; what it sent, step by step. */
function adapt(viewer: Viewer, target: BitrateTarget, seconds: number, from: number): number[] {
  const sent: number[] = [];
  let bitrate = from;
  for (let step = 0; step < (seconds * 1_000) / STEP_MS; step++) {
    viewer.offer(bitrate);
    vi.advanceTimersByTime(STEP_MS);
    bitrate = target.look(viewer.stats(), performance.now()) ?? bitrate;
    sent.push(Math.min(bitrate, viewer.takes));
  }
  return sent;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a target bitrate", () => {
  test("has an encoder that adapts use most of any path, and seldom more", () => {
    const bits = fc.integer({ min: 50_000, max: 100_000_000 });
    const property = fc.property(bits, bits, (takes, from) => {
      const viewer = new Viewer(takes);
      const target = new BitrateTarget();
      adapt(viewer, target, 30, from);
      let congested = 0;
      const sent: number[] = [];
      for (let second = 0; second < 60; second++) {
        sent.push(...adapt(viewer, target, 1, sent.at(-1) ?? from));
        if (viewer.state === "congested") congested++;
      }
      expect(mean(sent)).toBeGreaterThan(0.8 * takes);
      expect(congested).toBeLessThan(20);
    });
    fc.assert(property, { numRuns: 200 });
  });

  test("falls below a path that has become slower within three seconds, once", () => {
    const viewer = new Viewer(3_000_000);
    const target = new BitrateTarget();
    adapt(viewer, target, 30, 1_000_000);
    viewer.takes = 1_000_000;
    const sent = adapt(viewer, target, 3, 2_500_000);
    expect(sent.at(-1)).toBeLessThanOrEqual(1_000_000);
    expect(mean(adapt(viewer, target, 20, sent.at(-1) ?? 0))).toBeGreaterThan(800_000);
  });

  test("is at most four times what is sent, and stays while nothing is", () => {
    const viewer = new Viewer(Infinity);
    const target = new BitrateTarget();
    const send = (seconds: number, bitrate: number): number | undefined => {
      for (let step = 0; step < seconds * 4; step++) {
        viewer.offer(bitrate);
        vi.advanceTimersByTime(STEP_MS);
        target.look(viewer.stats(), performance.now());
      }
      return target.look(viewer.stats(), performance.now());
    };
    expect(send(30, 100_000)).toBeCloseTo(400_000, -4);
    expect(send(30, 0)).toBeCloseTo(400_000, -4);
  });

  test("falls little when a viewer wakes that has slept", () => {
    const viewer = new Viewer(3_000_000);
    const target = new BitrateTarget();
    const before = adapt(viewer, target, 10, 2_000_000).at(-1) ?? 0;
    viewer.state = "frozen";
    viewer.takes = 0;
    adapt(viewer, target, 3, before);
    // Of the last second it was awake for a moment.
    viewer.state = "congested";
    viewer.takes = 50_000;
    adapt(viewer, target, 0.25, before);
    viewer.takes = 3_000_000;
    const after = adapt(viewer, target, 5, before);
    expect(Math.min(...after)).toBeGreaterThan(0.5 * before);
  });

  test("tells nothing of the first second", () => {
    const viewer = new Viewer(1_000_000);
    const target = new BitrateTarget();
    expect(target.look(viewer.stats(), performance.now())).toBeUndefined();
    expect(adapt(viewer, target, 0.75, 500_000)).toHaveLength(3);
    expect(target.look(viewer.stats(), performance.now())).toBeDefined();
  });
});

describe("a target bitrate of several viewers", () => {
  /** What is told, with every viewer offered so much. */
  async function told(viewers: Viewer[], percentile: number, seconds: number): Promise<number[]> {
    let isOver = false;
    const bitrates: number[] = [];
    const telling = (async () => {
      for await (const bitrate of bitratesOf(viewers, percentile, () => isOver)) {
        bitrates.push(bitrate);
      }
    })();
    for (let step = 0; step < seconds * 4; step++) {
      for (const viewer of viewers) viewer.offer(2_000_000);
      await vi.advanceTimersByTimeAsync(STEP_MS);
    }
    isOver = true;
    await vi.advanceTimersByTimeAsync(STEP_MS);
    await telling;
    return bitrates;
  }

  const ten = (): Viewer[] =>
    Array.from({ length: 10 }, (_, index) => new Viewer(index === 0 ? 500_000 : 1_000_000));

  test("is that of the slowest, or leaves so many behind", async () => {
    expect((await told(ten(), 0, 10)).at(-1)).toBe(425_000);
    expect((await told(ten(), 10, 10)).at(-1)).toBe(850_000);
    expect((await told(ten(), 100, 10)).at(-1)).toBe(850_000);
  });

  test("takes no account of those that sleep", async () => {
    const viewers = ten();
    const [slowest] = viewers as [Viewer];
    slowest.state = "frozen";
    expect((await told(viewers, 0, 10)).at(-1)).toBe(850_000);
  });

  test("looks no more once who listens has left, though there is nothing to tell", async () => {
    const viewer = new Viewer(1_000_000);
    const stats = vi.spyOn(viewer, "stats");
    const iterator = bitratesOf([viewer], 0, () => false)[Symbol.asyncIterator]();
    const next = iterator.next();
    await vi.advanceTimersByTimeAsync(4 * STEP_MS);
    expect(stats).toHaveBeenCalledTimes(5);
    const left = iterator.return?.();
    await vi.advanceTimersByTimeAsync(STEP_MS);
    expect(await next).toMatchObject({ done: true });
    expect(await left).toMatchObject({ done: true });
    expect(stats).toHaveBeenCalledTimes(5);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("tells changes that are worth one", async () => {
    const bitrates = await told(ten(), 0, 60);
    expect(bitrates.length).toBeGreaterThan(0);
    expect(bitrates.length).toBeLessThan(10);
    for (const [index, bitrate] of bitrates.slice(1).entries()) {
      expect(Math.abs(bitrate / (bitrates[index] as number) - 1)).toBeGreaterThan(0.05);
    }
  });
});
