import { describe, expect, test } from "vitest";
import { conflate, type ConflateOptions } from "./conflate.ts";
import { BoundedQueue } from "./queue.ts";
import type { QueueOptions } from "./queue-options.ts";

interface Reading {
  readonly sensor: string;
  readonly value: number;
}

const reading = (sensor: string, value: number): Reading => ({ sensor, value });

function queueOf(
  options: Partial<ConflateOptions<Reading, unknown>> = {},
  bounds: QueueOptions<Reading> = {},
): BoundedQueue<Reading> {
  const overflow = conflate<Reading>({ key: ({ sensor }) => sensor, ...options });
  return new BoundedQueue({ ...bounds, overflow });
}

function shown(queue: BoundedQueue<Reading>): string[] {
  const chunks: string[] = [];
  for (let entry = queue.shift(); entry; entry = queue.shift()) {
    chunks.push(`${entry.chunk.sensor}${entry.chunk.value}`);
  }
  return chunks;
}

describe("conflate()", () => {
  test("keeps the newest chunk of each key, in the place of the one it supersedes", () => {
    const queue = queueOf();
    const verdicts = [reading("a", 1), reading("b", 2), reading("a", 3)].map((chunk) =>
      queue.offer(chunk),
    );
    expect(verdicts).toEqual(["queue", "queue", "merged"]);
    expect(shown(queue)).toEqual(["a3", "b2"]);
    expect(queue.stats().dropped.reasons).toEqual({ replaced: { chunks: 1, size: 1 } });
  });

  test("puts a key that has left at the end of the line", () => {
    const queue = queueOf();
    for (const chunk of [reading("a", 1), reading("b", 2)]) queue.offer(chunk);
    queue.shift();
    expect(queue.offer(reading("a", 3))).toBe("queue");
    expect(shown(queue)).toEqual(["b2", "a3"]);
  });

  test("drops the oldest for a new key", () => {
    const queue = queueOf({}, { maxChunks: 2 });
    for (const sensor of ["a", "b", "c", "a"]) queue.offer(reading(sensor, 1));
    expect(shown(queue)).toEqual(["c1", "a1"]);
    expect(queue.stats().dropped.reasons).toEqual({ oldest: { chunks: 2, size: 2 } });
  });

  test("merges what waits with what comes", () => {
    const merge = (waiting: Reading, incoming: Reading): Reading =>
      reading(waiting.sensor, waiting.value + incoming.value);
    const queue = queueOf({ merge }, { size: ({ value }) => value });
    for (const value of [1, 2, 3]) queue.offer(reading("a", value));
    expect(queue.size).toBe(6);
    expect(shown(queue)).toEqual(["a6"]);
    expect(queue.stats()).toMatchObject({ offered: 3, delivered: 1, dropped: { chunks: 2 } });
  });

  test("keeps to maxSize when merged chunks grow", () => {
    const merge = (waiting: Reading, incoming: Reading): Reading =>
      reading(waiting.sensor, waiting.value + incoming.value);
    const queue = queueOf({ merge }, { size: ({ value }) => value, maxSize: 10 });
    for (const chunk of [reading("a", 4), reading("b", 4), reading("b", 4)]) queue.offer(chunk);
    expect(shown(queue)).toEqual(["b8"]);
  });

  test("counts the age from the newest value", () => {
    let time = 0;
    const queue = queueOf({}, { maxAgeMs: 100, now: () => time });
    queue.offer(reading("a", 1));
    time = 90;
    queue.offer(reading("a", 2));
    time = 150;
    expect(shown(queue)).toEqual(["a2"]);
  });

  test("serves queues independently", () => {
    const overflow = conflate<Reading>({ key: ({ sensor }) => sensor });
    const [one, two] = [new BoundedQueue({ overflow }), new BoundedQueue({ overflow })];
    one.offer(reading("a", 1));
    expect(two.offer(reading("a", 2))).toBe("queue");
  });

  test("forgets keys that are never the same twice", () => {
    let asked = 0;
    const key = (): object => {
      asked++;
      return {};
    };
    const queue = queueOf({ key }, { maxChunks: 2 });
    for (let value = 0; value < 10; value++) queue.offer(reading("a", value));
    // Once for each chunk offered: a key that is asked for again may be another one.
    expect(asked).toBe(10);
    expect(shown(queue)).toEqual(["a8", "a9"]);
  });

  test("survives a merge that changes the key", () => {
    const queue = queueOf({ merge: () => reading("z", 0) });
    for (const sensor of ["a", "a"]) queue.offer(reading(sensor, 1));
    expect(shown(queue)).toEqual(["z0"]);
    expect(queue.offer(reading("a", 2))).toBe("queue");
    expect(shown(queue)).toEqual(["a2"]);
  });

  const cause = new Error("cause");
  const throwing = (): never => {
    throw cause;
  };

  test.each([
    ["key() throws", { key: throwing }, { cause }],
    ["merge() throws", { merge: throwing }, { cause }],
    ["merge() makes a chunk without a size", { merge: () => reading("a", NaN) }, {}],
    ["merge() makes a chunk larger than the bound", { merge: () => reading("a", 11) }, {}],
  ] as const)("leaves the queue as it was when %s", (_, options, given) => {
    let isBroken = false;
    const calm = { key: ({ sensor }: Reading) => sensor };
    const broken: ConflateOptions<Reading, unknown> = { ...calm, ...options };
    const overflow = conflate<Reading>({
      key: (chunk) => (isBroken ? broken : calm).key(chunk),
      merge: (waiting, incoming) => (isBroken && broken.merge?.(waiting, incoming)) || incoming,
    });
    const queue = new BoundedQueue({ overflow, size: ({ value }) => value, maxSize: 10 });
    for (const chunk of [reading("b", 2), reading("a", 1)]) queue.offer(chunk);
    isBroken = true;
    let error: unknown;
    try {
      queue.offer(reading("a", 3));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: "SPW_ERR_CHUNK", ...given });
    expect(queue.stats()).toMatchObject({ offered: 2, queued: 2, queuedSize: 3 });
    isBroken = false;
    expect(queue.offer(reading("a", 4))).toBe("merged");
    expect(shown(queue)).toEqual(["b2", "a4"]);
  });

  test("hands out nothing too old from behind what is fresh", () => {
    let time = 0;
    const queue = queueOf({}, { maxAgeMs: 100, now: () => time });
    for (const sensor of ["a", "b", "c"]) queue.offer(reading(sensor, 1));
    time = 90;
    queue.offer(reading("a", 2));
    queue.offer(reading("c", 2));
    time = 150;
    expect(shown(queue)).toEqual(["a2", "c2"]);
    expect(queue.stats().dropped.reasons).toMatchObject({ expired: { chunks: 1 } });
    expect(queue.offer(reading("b", 2))).toBe("queue");
  });

  test("finds its chunks after others were dropped from between", () => {
    const queue = queueOf();
    for (const sensor of ["a", "b", "c", "d"]) queue.offer(reading(sensor, 1));
    queue.dropWhere("gone", ({ chunk }) => chunk.sensor === "b");
    for (const sensor of ["d", "b", "c"]) queue.offer(reading(sensor, 2));
    expect(shown(queue)).toEqual(["a1", "c2", "d2", "b2"]);
  });

  test("refuses anything but functions", () => {
    expect(() => conflate({} as never)).toThrow(TypeError);
    expect(() => conflate(undefined as never)).toThrow(TypeError);
    expect(() => conflate({ key: () => 1, merge: "newest" } as never)).toThrow(TypeError);
  });
});
