import { SpillwayError } from "@spillway/streams";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { clipSource } from "./clip.ts";
import type { IvfFrame } from "./ivf.ts";
import type { Picture } from "./picture.ts";

/** `count` frames, a keyframe every 5. */
function clip(count: number, frameMs = 40, same: Partial<IvfFrame> = {}): IvfFrame[] {
  return Array.from({ length: count }, (_, index) => ({
    payload: Uint8Array.of(index),
    timestampMs: 1_000 + index * frameMs,
    key: index % 5 === 0,
    width: 640,
    height: 360,
    ...same,
  }));
}

/** Reads on its own and keeps what it got, with the time it came. */
function watch(readable: ReadableStream<Picture>): {
  readonly seen: { at: number; picture: Picture }[];
  readonly reader: ReadableStreamDefaultReader<Picture>;
} {
  const seen: { at: number; picture: Picture }[] = [];
  const reader = readable.getReader();
  const next = async (): Promise<void> => {
    const { done, value } = await reader.read();
    if (done) return;
    seen.push({ at: performance.now(), picture: value });
    await next();
  };
  void next();
  return { seen, reader };
}

describe("clipSource()", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  test("gives out pictures when they are due, loop after loop", async () => {
    const startedAt = performance.now();
    const { seen, reader } = watch(clipSource([clip(10)]));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen.map(({ at }) => at - startedAt)).toEqual(
      Array.from({ length: 26 }, (_, index) => index * 40),
    );
    expect(seen.map(({ picture }) => picture.sequence)).toEqual([...seen.keys()]);
    expect(seen.map(({ picture }) => picture.payload[0])).toEqual(
      [...seen.keys()].map((index) => index % 10),
    );
    expect(seen[11]?.picture).toMatchObject({ key: false, layer: 0 });
    expect(seen[15]?.picture).toMatchObject({ key: true, publishedAt: 1_700_000_000_600 });
    await reader.cancel();
  });

  test("does not drift in ten minutes of timers that fire a little late", async () => {
    const startedAt = performance.now();
    const { seen, reader } = watch(clipSource([clip(10, 1000 / 30)]));
    await vi.advanceTimersByTimeAsync(600_000);
    const last = seen.at(-1);
    expect(last?.picture.sequence).toBeGreaterThanOrEqual(17_999);
    const dueMs = ((last?.picture.sequence ?? 0) * 1000) / 30;
    expect(Math.abs((last?.at ?? 0) - startedAt - dueMs)).toBeLessThan(2);
    await reader.cancel();
  });

  test("waits to be asked", async () => {
    const readable = clipSource([clip(10)]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(vi.getTimerCount()).toBe(0);
    const reader = readable.getReader();
    expect((await reader.read()).value?.sequence).toBe(0);
    await reader.cancel();
  });

  test("catches up a short delay without losing a picture", async () => {
    const reader = clipSource([clip(20)]).getReader();
    await reader.read();
    vi.advanceTimersByTime(190);
    const late = [await reader.read(), await reader.read(), await reader.read()];
    expect(late.map(({ value }) => value?.sequence)).toEqual([1, 2, 3]);
    await reader.cancel();
  });

  test("skips a long delay to the newest keyframe and plays on in real time", async () => {
    const { seen, reader } = watch(clipSource([clip(10)]));
    await vi.advanceTimersByTimeAsync(0);
    // The clock jumps, as after a process was stopped: the timer fires once, late.
    vi.setSystemTime(Date.now() + 10_500);
    vi.spyOn(performance, "now").mockImplementation(() => Date.now());
    await vi.advanceTimersByTimeAsync(200);
    const [, second, third] = seen.map(({ picture }) => picture);
    expect(second?.sequence).toBe(1);
    expect(third).toMatchObject({ key: true });
    expect(third?.sequence).toBeGreaterThan(250);
    expect(seen.length).toBeLessThan(10);
    const numbers = seen.map(({ picture }) => picture.sequence);
    expect(new Set(numbers).size).toBe(numbers.length);
    await reader.cancel();
  });

  test("clears its timer and settles when it is cancelled", async () => {
    const { seen, reader } = watch(clipSource([clip(10)]));
    await vi.advanceTimersByTimeAsync(60);
    expect(vi.getTimerCount()).toBe(1);
    await reader.cancel();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen).toHaveLength(2);
  });

  test("gives out each picture in all qualities at once", async () => {
    const better = clip(10, 40, { payload: Uint8Array.of(99) });
    const { seen, reader } = watch(clipSource([clip(10), better]));
    await vi.advanceTimersByTimeAsync(400);
    expect(seen.slice(0, 6).map(({ picture }) => [picture.sequence, picture.layer])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [2, 0],
      [2, 1],
    ]);
    for (const { picture } of seen) {
      const payload = picture.layer === 1 ? 99 : picture.sequence % 10;
      expect(picture.payload[0]).toBe(payload);
    }
    expect(seen).toHaveLength(22);
    await reader.cancel();
  });

  test.each([
    ["fewer frames", clip(9)],
    ["other times", clip(10, 41)],
    ["other keyframes", clip(10, 40, { key: true })],
  ])("refuses a quality with %s", (_what, other) => {
    expect(() => clipSource([clip(10), other])).toThrow("quality 1 has other times or keyframes");
  });

  test.each<[string, IvfFrame[], string]>([
    ["an empty clip", [], "it has 0 frames, want at least 2"],
    ["a single frame", clip(1), "it has 1 frames, want at least 2"],
    ["a clip that starts with a delta", clip(10).slice(1), "its first frame is not a keyframe"],
    ["time that stands still", [...clip(3), ...clip(3)], "frame 3 has no later time"],
  ])("refuses %s", (_what, frames, message) => {
    expect(() => clipSource([frames])).toThrow(SpillwayError);
    expect(() => clipSource([frames])).toThrow(message);
  });

  test("refuses an option out of range", () => {
    expect(() => clipSource([clip(10)], { maxLatePictures: 0 })).toThrow(RangeError);
  });
});
