import { describe, expect, test } from "vitest";
import { keyframes, type KeyframesOptions } from "./keyframes.ts";
import { BoundedQueue, type QueueOptions } from "./queue.ts";

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
  ])("refuses %o", (options) => {
    expect(() => keyframes(options as never)).toThrow(TypeError);
  });
});
