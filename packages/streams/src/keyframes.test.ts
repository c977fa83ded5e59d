import { describe, expect, test } from "vitest";
import { keyframes, type KeyframesOptions } from "./keyframes.ts";
import { BoundedQueue } from "./queue.ts";
import type { QueueOptions } from "./queue-options.ts";

/** `K1` is a keyframe, `D2` a delta, `b3` a picture nothing refers to, `A4` audio; then a size. */
type Picture = string;

const isKey = (picture: Picture): boolean => picture.startsWith("K");
const isDroppable = (picture: Picture): boolean => picture.startsWith("b");
const isRequired = (picture: Picture): boolean => picture.startsWith("A");
const size = (picture: Picture): number => Number(picture.split(":")[1] ?? 1);

function queueOf(
  bounds: QueueOptions<Picture>,
  options: Partial<KeyframesOptions<Picture>> = { isDroppable, isRequired },
): BoundedQueue<Picture> {
  return new BoundedQueue({ size, ...bounds, overflow: keyframes({ isKey, ...options }) });
}

function offerAll(queue: BoundedQueue<Picture>, pictures: string): void {
  for (const picture of pictures.split(" ")) queue.offer(picture);
}

function shown(queue: BoundedQueue<Picture>): string {
  const chunks: Picture[] = [];
  for (let entry = queue.shift(); entry; entry = queue.shift()) chunks.push(entry.chunk);
  return chunks.join(" ");
}

function reasons(queue: BoundedQueue<Picture>): Record<string, number> {
  const tallies = Object.entries(queue.stats().dropped.reasons);
  return Object.fromEntries(tallies.map(([why, tally]) => [why, tally?.chunks ?? 0]));
}

describe("keyframes()", () => {
  test("lets nothing through before the first keyframe", () => {
    const queue = queueOf({});
    offerAll(queue, "D0 b1 A2 K3 D4");
    expect(shown(queue)).toBe("A2 K3 D4");
    expect(reasons(queue)).toEqual({ keyframe: 2 });
  });

  test("drops whole groups, oldest first", () => {
    const queue = queueOf({ maxChunks: 5 });
    offerAll(queue, "K0 D1 K2 D3 D4 D5");
    expect(shown(queue)).toBe("K2 D3 D4 D5");
    expect(reasons(queue)).toEqual({ group: 2 });
  });

  test("drops the rest of a group whose start is delivered", () => {
    const queue = queueOf({ maxChunks: 4 });
    offerAll(queue, "K0 D1 D2");
    queue.shift();
    offerAll(queue, "K3 D4 D5");
    expect(shown(queue)).toBe("K3 D4 D5");
    expect(reasons(queue)).toEqual({ group: 2 });
  });

  test("refuses every delta after a dropped one, up to the next keyframe", () => {
    const queue = queueOf({ maxChunks: 2 });
    offerAll(queue, "K0 D1 D2");
    queue.shift();
    queue.shift();
    offerAll(queue, "D3 b4 D5 K6 D7");
    expect(shown(queue)).toBe("K6 D7");
    expect(reasons(queue)).toEqual({ newest: 1, keyframe: 3 });
  });

  test("drops the current group for a new keyframe", () => {
    const queue = queueOf({ maxChunks: 2 });
    offerAll(queue, "K0 D1 K2 D3");
    expect(shown(queue)).toBe("K2 D3");
  });

  test("drops droppable pictures first", () => {
    const queue = queueOf({ maxChunks: 4 });
    offerAll(queue, "K0 b1 D2 b3 D4");
    expect(shown(queue)).toBe("K0 D2 b3 D4");
    expect(reasons(queue)).toEqual({ droppable: 1 });
  });

  test("refuses a droppable picture that finds the queue full", () => {
    const queue = queueOf({ maxChunks: 2 });
    offerAll(queue, "K0 D1 b2");
    queue.shift();
    offerAll(queue, "D3");
    expect(shown(queue)).toBe("D1 D3");
  });

  test("takes a keyframe larger than the bound into an empty queue", () => {
    const queue = queueOf({ maxSize: 10 });
    offerAll(queue, "K0:99 D1:1");
    expect(shown(queue)).toBe("K0:99");
    offerAll(queue, "D2:1 K3:5 D4:5 K5:99");
    expect(shown(queue)).toBe("K5:99");
  });

  test("takes a keyframe beside required chunks, whatever they weigh together", () => {
    const queue = queueOf({ maxSize: 10 });
    offerAll(queue, "A0:8 K1:99 D2 A3:2");
    expect(queue.size).toBe(109);
    expect(shown(queue)).toBe("A0:8 K1:99 A3:2");
    offerAll(queue, "A4:8 K5:5 K6:6 D7");
    expect(shown(queue)).toBe("A4:8 K6:6");
    expect(reasons(queue)).toEqual({ newest: 2, group: 1 });
  });

  test("recovers although audio waits whenever a large keyframe comes", () => {
    const queue = queueOf({ maxSize: 10 });
    for (let group = 0; group < 3; group++) {
      offerAll(queue, "A1 K2:12 D3 A4");
      expect([1, 2, 3].map(() => queue.shift()?.chunk)).toEqual(["A1", "K2:12", "A4"]);
    }
    expect(reasons(queue)).toEqual({ newest: 3 });
  });

  test("never drops required chunks, and keeps their place", () => {
    const queue = queueOf({ maxChunks: 4 });
    offerAll(queue, "A0 K1 A2 D3 K4 A5 D6");
    expect(shown(queue)).toBe("A0 A2 K4 A5");
    expect(reasons(queue)).toEqual({ group: 2, newest: 1 });
  });

  test("gives way to a required chunk with everything else", () => {
    const queue = queueOf({ maxChunks: 2 });
    offerAll(queue, "K0 D1 A2 D3 A4");
    expect(shown(queue)).toBe("A2 A4");
    expect(reasons(queue)).toEqual({ group: 2, keyframe: 1 });
  });

  test("gives way to a required chunk from the end of the current group", () => {
    const queue = queueOf({ maxSize: 10 });
    offerAll(queue, "K0:3 D1:2 D2:2 A3:2 D4:1 A5:2 D6:1 K7:1 D8:1");
    expect(shown(queue)).toBe("A3:2 A5:2 K7:1 D8:1");
    expect(reasons(queue)).toEqual({ group: 4, keyframe: 1 });
    offerAll(queue, "K0:3 D1:2 D2:2 A3:2 D4:1 A5:2 D6:1");
    expect(shown(queue)).toBe("K0:3 D1:2 A3:2 A5:2");
  });

  test("refuses a keyframe that required chunks leave no room for", () => {
    const queue = queueOf({ maxChunks: 2 });
    offerAll(queue, "A0 A1 K2 D3");
    expect(shown(queue)).toBe("A0 A1");
    expect(reasons(queue)).toEqual({ newest: 1, keyframe: 1 });
  });

  test("throws when the queue is full of required chunks", () => {
    const queue = queueOf({ maxChunks: 2 });
    offerAll(queue, "A0 A1");
    expect(() => queue.offer("A2")).toThrow(expect.objectContaining({ code: "SPW_ERR_OVERFLOW" }));
  });

  test("takes a required chunk for no keyframe, whatever isKey() says of it", () => {
    const queue = queueOf({ maxChunks: 3 }, { isRequired, isKey: () => true });
    offerAll(queue, "A0 K1 A2 K3");
    expect(shown(queue)).toBe("A0 A2 K3");
  });

  test("takes a keyframe for no droppable picture, whatever isDroppable() says of it", () => {
    const queue = queueOf({ maxChunks: 2 }, { isDroppable: () => true });
    offerAll(queue, "K0 b1 b2");
    expect(shown(queue)).toBe("K0 b1");
  });

  describe("with maxAgeMs", () => {
    const timed = (pictures: string): { queue: BoundedQueue<Picture>; at(ms: number): void } => {
      let time = 0;
      const queue = queueOf({ maxAgeMs: 100, now: () => time });
      for (const picture of pictures.split(" ")) {
        time += 10;
        queue.offer(picture);
      }
      return { queue, at: (ms) => (time = ms) };
    };

    test("drops what depends on an expired picture", () => {
      const { queue, at } = timed("K0 D1 D2 K3 D4");
      at(115);
      expect(shown(queue)).toBe("K3 D4");
      expect(reasons(queue)).toEqual({ expired: 1, keyframe: 2 });
    });

    test("waits for a keyframe when the last group has expired", () => {
      const { queue, at } = timed("K0 D1");
      at(115);
      offerAll(queue, "D2 K3");
      expect(shown(queue)).toBe("K3");
    });

    test("drops an expired droppable picture alone", () => {
      const { queue, at } = timed("K0 b1 D2 D3");
      queue.shift();
      at(125);
      expect(shown(queue)).toBe("D2 D3");
    });

    test("keeps required chunks, however old", () => {
      const { queue, at } = timed("A0 K1 D2 A3 K4");
      at(145);
      expect(shown(queue)).toBe("A0 A3 K4");
    });

    test("never shows a listener a picture that cannot be decoded", () => {
      let time = 0;
      const seen: string[] = [];
      const queue: BoundedQueue<Picture> = queueOf({
        maxAgeMs: 100,
        now: () => time,
        onDrop: () => seen.push(queue.length > 0 ? queue.at(queue.first).chunk : "empty"),
      });
      for (const picture of ["K0", "D1", "K2"]) {
        time += 10;
        queue.offer(picture);
      }
      time = 115;
      queue.dropStale();
      expect(seen).toEqual(["K2", "K2"]);
    });
  });

  describe("with mediaTimeMs", () => {
    /** Pictures are numbered in tenths of a second. */
    const mediaTimeMs = (picture: Picture): number => 100 * Number.parseInt(picture.slice(1), 10);
    const spanOf = (options: Partial<KeyframesOptions<Picture>>): BoundedQueue<Picture> =>
      queueOf({}, { isDroppable, isRequired, mediaTimeMs, ...options });

    test("drops droppable pictures above the first span", () => {
      const queue = spanOf({ maxDroppableSpanMs: 300, maxSpanMs: 1_000 });
      offerAll(queue, "K0 b1 D2 b3 D4 b5 A6 D6");
      expect(shown(queue)).toBe("K0 D2 D4 A6 D6");
      expect(reasons(queue)).toEqual({ droppable: 3 });
    });

    test("refuses droppable pictures while the first span lasts", () => {
      const queue = spanOf({ maxDroppableSpanMs: 300 });
      offerAll(queue, "K0 D1 b3 b4 D4 b5");
      expect(shown(queue)).toBe("K0 D1 D4");
      offerAll(queue, "b6");
      expect(shown(queue)).toBe("b6");
    });

    test("drops everything but keyframes and required chunks above the second", () => {
      const queue = spanOf({ maxSpanMs: 500 });
      offerAll(queue, "K0 D1 b2 K3 A3 D4 D5 D6 D7 b8 A9 K9 D10");
      expect(shown(queue)).toBe("K0 K3 A3 A9 K9");
      expect(reasons(queue)).toEqual({ droppable: 1, span: 5, keyframe: 2 });
    });

    test("refuses the droppable picture too that made the second too long", () => {
      const queue = spanOf({ maxSpanMs: 500 });
      offerAll(queue, "K0");
      queue.shift();
      offerAll(queue, "D1 D4 b7 K8");
      expect(shown(queue)).toBe("K8");
      expect(reasons(queue)).toEqual({ span: 3 });
    });

    test("goes on with the next keyframe once less waits", () => {
      const queue = spanOf({ maxSpanMs: 500 });
      offerAll(queue, "K0 D3 D6");
      expect(shown(queue)).toBe("K0");
      offerAll(queue, "D7 K8 D9 D10");
      expect(shown(queue)).toBe("K8 D9 D10");
    });

    test("takes 700 and 900 ms by default", () => {
      const queue = spanOf({});
      offerAll(queue, "K0 b6 b7 D7");
      expect(reasons(queue)).toEqual({});
      offerAll(queue, "b8 D9");
      expect(reasons(queue)).toEqual({ droppable: 3 });
      offerAll(queue, "D10");
      expect(shown(queue)).toBe("K0");
    });

    test("forgives a time that jumps back", () => {
      const queue = spanOf({ maxSpanMs: 500 });
      offerAll(queue, "K90 D91 K0 D1");
      expect(shown(queue)).toBe("K90 D91 K0 D1");
    });

    test.each([NaN, Infinity, undefined, "0"])("refuses the media time %o", (time) => {
      const queue = spanOf({ mediaTimeMs: () => time as number });
      const coded = expect.objectContaining({ code: "SPW_ERR_CHUNK" });
      expect(() => queue.offer("K0")).toThrow(coded);
      expect(queue.stats()).toMatchObject({ offered: 0 });
    });
  });

  test.each(["isKey", "isDroppable", "isRequired", "mediaTimeMs"] as const)(
    "stays whole when %s() throws",
    (name) => {
      let isBroken = false;
      const cause = new Error(name);
      const calm = { isKey, isDroppable, isRequired, mediaTimeMs: () => 0 };
      const breaking = (picture: Picture): never => {
        if (isBroken) throw cause;
        return calm[name](picture) as never;
      };
      const queue = queueOf({ maxChunks: 3 }, { ...calm, [name]: breaking });
      offerAll(queue, "K0 D1 b2");
      isBroken = true;
      let error: unknown;
      try {
        queue.offer("D3");
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ code: "SPW_ERR_CHUNK", cause });
      expect(queue.stats()).toMatchObject({ offered: 3, queued: 3 });
      isBroken = false;
      offerAll(queue, "D3");
      expect(shown(queue)).toBe("K0 D1 D3");
    },
  );

  test("awaits a keyframe after clear()", () => {
    const queue = queueOf({});
    offerAll(queue, "K0 b1");
    queue.clear("closed");
    offerAll(queue, "D2 K3 D4");
    expect(shown(queue)).toBe("K3 D4");
  });

  test("serves queues independently", () => {
    const overflow = keyframes({ isKey });
    const [one, two] = [new BoundedQueue({ overflow }), new BoundedQueue({ overflow })];
    one.offer("K0");
    expect([one.offer("D1"), two.offer("D1")]).toEqual(["queue", "refused"]);
  });

  test.each([
    undefined,
    {},
    { isKey: true },
    { isKey, isDroppable: true },
    { isKey, isRequired: "audio" },
    { isKey, mediaTimeMs: 40 },
    { isKey, maxSpanMs: 500 },
    { isKey, maxDroppableSpanMs: 500 },
    { isKey, mediaTimeMs: () => 0, maxSpanMs: "500" },
  ])("refuses %o", (options) => {
    expect(() => keyframes(options as never)).toThrow(TypeError);
  });

  test.each([
    { maxSpanMs: 0 },
    { maxSpanMs: NaN },
    { maxDroppableSpanMs: -1 },
    { maxDroppableSpanMs: 501, maxSpanMs: 500 },
  ])("refuses the spans %o", (spans) => {
    expect(() => keyframes({ isKey, mediaTimeMs: () => 0, ...spans })).toThrow(RangeError);
  });
});
