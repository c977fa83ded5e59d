import { type Broadcast, broadcast, fromIterable, layers, sink } from "@spillway/streams";
import { isSettled } from "@spillway/testing";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

interface Picture {
  readonly layer: number;
  readonly number: number;
  readonly key: boolean;
}

const NEEDS = [300_000, 1_000_000, 3_000_000];
/** Pictures from one keyframe to the next, and milliseconds from one picture to the next. */
const GROUP = 10;
const FRAME_MS = 100;

/** Tells what it is told to. */
class Bitrates implements AsyncIterable<number> {
  #told: number[] = [];
  #wake: (() => void) | undefined;
  isOver = false;

  tell(bitsPerSecond: number): void {
    this.#told.push(bitsPerSecond);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<number, void, void> {
    try {
      for (;;) {
        const next = this.#told.shift();
        if (next !== undefined) yield next;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.isOver = true;
    }
  }
}

/** A camera in three qualities, whose pictures are published in one go. */
function makeCamera(retain: "none" | "last-keyframe" = "none") {
  const hubs = NEEDS.map(() =>
    broadcast<Picture>({ retain, isKey: ({ key }) => key, size: () => 1 }),
  );
  const qualities = hubs.map((hub, layer) => ({ hub, bitsPerSecond: NEEDS[layer] as number }));
  let number = 0;
  return {
    hubs,
    video: layers(qualities, { isKey: ({ key }: Picture) => key }),
    async film(seconds: number): Promise<void> {
      for (let count = 0; count < (seconds * 1_000) / FRAME_MS; count++) {
        const key = number % GROUP === 0;
        for (const [layer, hub] of hubs.entries()) hub.publish({ layer, number, key });
        number++;
        await vi.advanceTimersByTimeAsync(FRAME_MS);
      }
    },
  };
}

/** Whether each picture can be decoded with those before it. */
function isDecodable(seen: readonly Picture[]): boolean {
  return seen.every(({ layer, number, key }, index) => {
    const before = seen[index - 1];
    return key || (before?.layer === layer && before.number === number - 1);
  });
}

/** Whether no picture is missing; the first of another layer may show again what was seen. */
function isComplete(seen: readonly Picture[]): boolean {
  return seen.every(({ layer, number }, index) => {
    const before = seen[index - 1] ?? { layer, number: -1 };
    const isAgain = number === before.number && layer !== before.layer;
    return number === before.number + 1 || isAgain;
  });
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("layers()", () => {
  test("begins with the least, goes up and down with the bitrate, at keyframes only", async () => {
    const camera = makeCamera();
    const targetBitrate = new Bitrates();
    const seen: Picture[] = [];
    const switches: number[] = [];
    const readable = camera.video.subscribe({
      targetBitrate,
      onLayer: (layer) => switches.push(layer),
    });
    const piped = readable.pipeTo(sink({ write: (picture) => void seen.push(picture) }));
    const layerNow = (): number | undefined => seen.at(-1)?.layer;
    await camera.film(3);
    expect(new Set(seen.map(({ layer }) => layer))).toEqual(new Set([0]));
    // Not yet a fifth more than the next needs.
    targetBitrate.tell(1_100_000);
    await camera.film(3);
    expect(layerNow()).toBe(0);
    targetBitrate.tell(1_200_000);
    await camera.film(3);
    expect(layerNow()).toBe(1);
    targetBitrate.tell(9_000_000);
    await camera.film(3);
    expect(layerNow()).toBe(2);
    expect(camera.video.statsOf(readable)).toEqual({ layer: 2, switches: 2 });
    targetBitrate.tell(900_000);
    await camera.film(3);
    expect(layerNow()).toBe(0);
    expect(switches).toEqual([1, 2, 0]);
    expect(isDecodable(seen)).toBe(true);
    expect(isComplete(seen)).toBe(true);
    for (const hub of camera.hubs) hub.close();
    await piped;
  });

  test("waits longer after each climb that was too much", async () => {
    const camera = makeCamera();
    const targetBitrate = new Bitrates();
    const seen: Picture[] = [];
    void camera.video
      .subscribe({ targetBitrate })
      .pipeTo(sink({ write: (picture) => void seen.push(picture) }))
      .catch(() => {});
    const waits: number[] = [];
    await camera.film(1);
    for (let round = 0; round < 4; round++) {
      targetBitrate.tell(1_300_000);
      let seconds = 0;
      while (seen.at(-1)?.layer !== 1) {
        await camera.film(1);
        seconds++;
      }
      waits.push(seconds);
      targetBitrate.tell(500_000);
      await camera.film(2);
      expect(seen.at(-1)?.layer).toBe(0);
    }
    expect(waits[0]).toBeLessThanOrEqual(2);
    expect(waits[1]).toBeGreaterThanOrEqual(7);
    expect(waits[2]).toBeGreaterThanOrEqual(17);
    expect(waits[3]).toBeGreaterThanOrEqual(37);
  });

  test("does not go back to a keyframe that was seen in another layer", async () => {
    const camera = makeCamera("last-keyframe");
    await camera.film(0.5);
    const targetBitrate = new Bitrates();
    const seen: Picture[] = [];
    const dropped = vi.fn();
    const readable = camera.video.subscribe({ targetBitrate, onDrop: dropped });
    const piped = readable.pipeTo(sink({ write: (picture) => void seen.push(picture) }));
    await camera.film(0.1);
    // Whoever joins gets what is retained.
    expect(seen[0]).toMatchObject({ number: 0, key: true });
    targetBitrate.tell(9_000_000);
    await camera.film(1);
    expect(seen.at(-1)?.layer).toBe(2);
    expect(isComplete(seen)).toBe(true);
    expect(isDecodable(seen)).toBe(true);
    expect(dropped).not.toHaveBeenCalled();
    camera.hubs[0]?.abort(new Error("over"));
    camera.hubs[2]?.close();
    await piped;
  });

  test("a viewer that reads slowly is switched as well, and holds no more than its marks", async () => {
    const camera = makeCamera();
    const targetBitrate = new Bitrates();
    const reasons: string[] = [];
    const readable = camera.video.subscribe({
      targetBitrate,
      highWaterMark: 15,
      onDrop: (_, reason) => reasons.push(reason),
    });
    const reader = readable.getReader();
    const seen: Picture[] = [];
    for (let turn = 0; turn < 30; turn++) {
      targetBitrate.tell(turn % 10 < 5 ? 9_000_000 : 300_000);
      await camera.film(3);
      const { value } = await reader.read();
      if (value) seen.push(value);
      for (const hub of camera.hubs) expect(hub.stats().subscribers).toBeLessThanOrEqual(1);
    }
    expect(new Set(seen.map(({ layer }) => layer)).size).toBeGreaterThan(1);
    expect(isDecodable(seen)).toBe(true);
    expect(reasons.length).toBeGreaterThan(100);
    await reader.cancel();
    await camera.film(0.1);
    for (const hub of camera.hubs) expect(hub.stats().subscribers).toBe(0);
    targetBitrate.tell(1);
    await camera.film(0.1);
    expect(targetBitrate.isOver).toBe(true);
  });

  test("whatever is told, and however it reads, what a viewer gets can be decoded", async () => {
    const step = fc.record({
      bitrate: fc.option(fc.integer({ min: 100_000, max: 5_000_000 }), { nil: undefined }),
      pictures: fc.integer({ min: 0, max: 15 }),
      reads: fc.integer({ min: 0, max: 30 }),
    });
    const property = fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      const camera = makeCamera();
      const targetBitrate = new Bitrates();
      const reader = camera.video.subscribe({ targetBitrate, highWaterMark: 20 }).getReader();
      const seen: Picture[] = [];
      const reads: Promise<unknown>[] = [];
      for (const { bitrate, pictures, reads: count } of steps) {
        if (bitrate !== undefined) targetBitrate.tell(bitrate);
        for (let read = 0; read < count; read++) {
          reads.push(reader.read().then(({ value }) => value && seen.push(value)));
        }
        await camera.film((pictures * FRAME_MS) / 1_000);
      }
      expect(isDecodable(seen)).toBe(true);
      for (const hub of camera.hubs) hub.close();
      const rest: Promise<unknown>[] = Array.from({ length: 60 }, () =>
        reader.read().then(({ value }) => value && seen.push(value)),
      );
      await Promise.all([...reads, ...rest]);
      expect(isDecodable(seen)).toBe(true);
      await reader.closed;
    });
    await fc.assert(property, { numRuns: 25 });
  });
});

describe("a layer that has ended", () => {
  test.each<[string, (hub: Broadcast<Picture>) => void]>([
    ["closed", (hub) => hub.close()],
    ["failed", (hub) => hub.abort(new Error("no encoder"))],
  ])("is not waited for, when its hub has %s: the next best is watched", async (_, end) => {
    const camera = makeCamera();
    const [, , best] = camera.hubs as [unknown, unknown, Broadcast<Picture>];
    const subscribe = vi.spyOn(best, "subscribe");
    const targetBitrate = new Bitrates();
    const readable = camera.video.subscribe({ targetBitrate });
    const seen: Picture[] = [];
    const piped = readable.pipeTo(sink({ write: (picture) => void seen.push(picture) }));
    await camera.film(0.5);
    end(best);
    vi.spyOn(best, "publish").mockImplementation(() => {});
    targetBitrate.tell(9_000_000);
    await camera.film(3);
    expect(seen.at(-1)?.layer).toBe(1);
    expect(subscribe.mock.calls.length).toBeLessThan(2);
    expect(isComplete(seen)).toBe(true);
    // Where all that is less has ended, a viewer stays.
    camera.hubs[0]?.close();
    targetBitrate.tell(1);
    vi.spyOn(camera.hubs[0] as Broadcast<Picture>, "publish").mockImplementation(() => {});
    await camera.film(1);
    expect(seen.at(-1)?.layer).toBe(1);
    camera.hubs[1]?.close();
    await piped;
  });
});

/** Keeps what is reported as uncaught, which would end the test. */
function catchUncaught(): { uncaught: unknown[]; restore: () => void } {
  const uncaught: unknown[] = [];
  const queue = queueMicrotask;
  const spy = vi.spyOn(globalThis, "queueMicrotask").mockImplementation((callback) =>
    queue(() => {
      try {
        callback();
      } catch (error) {
        uncaught.push(error);
      }
    }),
  );
  return { uncaught, restore: () => spy.mockRestore() };
}

describe("the end of layers()", () => {
  test("is told to readers that ask for nothing, once all has been read", async () => {
    const camera = makeCamera();
    const reader = camera.video.subscribe({ targetBitrate: new Bitrates() }).getReader();
    const first = reader.read();
    await camera.film(0.1);
    expect((await first).value).toMatchObject({ number: 0 });
    camera.hubs[0]?.close();
    expect(await isSettled(reader.closed)).toBe(true);
  });

  test("is that of the hub that is watched", async () => {
    const camera = makeCamera();
    const reader = camera.video.subscribe({ targetBitrate: new Bitrates() }).getReader();
    await camera.film(0.1);
    expect((await reader.read()).value).toMatchObject({ number: 0 });
    camera.hubs[2]?.abort(new Error("not watched"));
    await camera.film(0);
    camera.hubs[0]?.abort(new Error("gone"));
    await expect(reader.read()).rejects.toThrow("gone");
  });

  test("comes with the signal, also with one that was aborted before", async () => {
    const camera = makeCamera();
    const over = new AbortController();
    const targetBitrate = new Bitrates();
    const how = { targetBitrate, signal: over.signal };
    const reader = camera.video.subscribe(how).getReader();
    await camera.film(0.1);
    over.abort(new Error("over"));
    await expect(reader.closed).rejects.toThrow("over");
    await expect(camera.video.subscribe(how).getReader().read()).rejects.toThrow("over");
    await camera.film(0.1);
    for (const hub of camera.hubs) expect(hub.stats().subscribers).toBe(0);
  });

  test.each<[string, (end: AbortController, hub: Broadcast<Picture>) => void]>([
    ["the viewer that leaves", (end) => end.abort()],
    ["the hub", (_, hub) => hub.abort(new Error("gone"))],
  ])("lets go of bitrates that tell nothing more, with %s", async (_, end) => {
    const camera = makeCamera();
    const leave = vi.fn(() => Promise.resolve({ done: true as const, value: undefined }));
    const silent = { next: () => new Promise<never>(() => {}), return: leave };
    const targetBitrate = { [Symbol.asyncIterator]: () => silent };
    const over = new AbortController();
    const readable = camera.video.subscribe({ targetBitrate });
    const piped = readable.pipeTo(sink({ write: () => {} }), { signal: over.signal });
    await camera.film(0.1);
    expect(leave).not.toHaveBeenCalled();
    end(over, camera.hubs[0] as Broadcast<Picture>);
    await expect(piped).rejects.toThrow();
    expect(leave).toHaveBeenCalledOnce();
  });

  test("does not come with an error of the bitrates, which is reported", async () => {
    const camera = makeCamera();
    const { uncaught, restore } = catchUncaught();
    const failing = fromIterable(
      (async function* () {
        yield 9_000_000;
        throw new Error("no more bitrates");
      })(),
    );
    const readable = camera.video.subscribe({ targetBitrate: failing });
    const seen: Picture[] = [];
    void readable.pipeTo(sink({ write: (picture) => void seen.push(picture) })).catch(() => {});
    await camera.film(3);
    restore();
    expect(uncaught.map(String)).toEqual(["Error: no more bitrates"]);
    expect(seen.at(-1)?.layer).toBe(2);
  });
});

test("a layer whose hub cannot be subscribed to is reported, and left out", async () => {
  const { uncaught, restore } = catchUncaught();
  const camera = makeCamera();
  const broken = broadcast<Picture>({
    retain: () => {
      throw new Error("nothing retained");
    },
  });
  const [low, high] = camera.hubs as [Broadcast<Picture>, Broadcast<Picture>];
  const video = layers(
    [
      { hub: low, bitsPerSecond: 300_000 },
      { hub: high, bitsPerSecond: 1_000_000 },
      { hub: broken, bitsPerSecond: 3_000_000 },
    ],
    { isKey: ({ key }) => key },
  );
  const targetBitrate = new Bitrates();
  const seen: Picture[] = [];
  const piped = video
    .subscribe({ targetBitrate })
    .pipeTo(sink({ write: (picture) => void seen.push(picture) }));
  await camera.film(1);
  targetBitrate.tell(9_000_000);
  await camera.film(4);
  restore();
  expect(uncaught.map(String)).toEqual(["SpillwayError: Cannot subscribe: retain() threw"]);
  expect(seen.at(-1)).toMatchObject({ layer: 1 });
  expect(isDecodable(seen)).toBe(true);
  for (const hub of camera.hubs) hub.close();
  await piped;
});

describe("what layers() refuses", () => {
  const hub = (): Broadcast<Picture> => broadcast<Picture>();
  const isKey = ({ key }: Picture): boolean => key;

  test.each([
    ["no array", "low", TypeError],
    ["no layers", [], RangeError],
    ["a layer without a bitrate", [{ hub: hub() }], TypeError],
    ["a bitrate of 0", [{ hub: hub(), bitsPerSecond: 0 }], RangeError],
    [
      "layers that do not rise",
      [
        { hub: hub(), bitsPerSecond: 2 },
        { hub: hub(), bitsPerSecond: 1 },
      ],
      RangeError,
    ],
  ])("%s", (_, qualities, error) => {
    const make = (): unknown => layers(qualities as never, { isKey });
    expect(make).toThrow(error);
    expect(make).toThrow(expect.objectContaining({ code: "SPW_ERR_OPTION" }));
  });

  test("viewers without bitrates, or with other options that are wrong", () => {
    const video = layers([{ hub: hub(), bitsPerSecond: 1 }], { isKey });
    expect(() => video.subscribe({} as never)).toThrow(/targetBitrate/);
    const targetBitrate = new Bitrates();
    expect(() => video.subscribe({ targetBitrate, maxAgeMs: -1 })).toThrow(/maxAgeMs/);
    expect(() => video.subscribe({ targetBitrate, onLayer: 1 as never })).toThrow(/onLayer/);
    expect(video.statsOf(new ReadableStream())).toBeUndefined();
  });
});
