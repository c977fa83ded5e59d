import { describe, expect, test, vi } from "vitest";
import type { Admission, OverflowPolicy, PolicyQueue, Verdict } from "./policy.ts";
import { BoundedQueue } from "./queue.ts";

function chunksOf<T>(queue: BoundedQueue<T>): T[] {
  const chunks: T[] = [];
  for (let entry = queue.shift(); entry; entry = queue.shift()) chunks.push(entry.chunk);
  return chunks;
}

function decides(admit: (queue: PolicyQueue<number>) => Verdict): OverflowPolicy<number> {
  return { name: "test", start: (queue) => ({ admit: () => admit(queue) }) };
}

describe("BoundedQueue", () => {
  test("keeps order while its ring wraps and grows", () => {
    const queue = new BoundedQueue<number>({ maxChunks: Infinity });
    const taken: number[] = [];
    for (let chunk = 0; chunk < 200; chunk++) {
      queue.offer(chunk);
      if (chunk % 3 === 0) taken.push(queue.shift()?.chunk as number);
    }
    expect([...taken, ...chunksOf(queue)]).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  test("holds up to maxChunks", () => {
    const queue = new BoundedQueue<number>({ maxChunks: 2 });
    expect([queue.offer(1), queue.offer(2), queue.offer(3)]).toEqual(["queue", "queue", "wait"]);
    expect(queue.length).toBe(2);
  });

  test("holds up to maxSize, counting the chunk being admitted", () => {
    const queue = new BoundedQueue<number>({ maxSize: 10, size: (chunk) => chunk });
    expect([queue.offer(6), queue.offer(5), queue.offer(4)]).toEqual(["queue", "wait", "queue"]);
    expect(queue.size).toBe(10);
  });

  test("takes one chunk larger than maxSize when it is empty", () => {
    const queue = new BoundedQueue<number>({ maxSize: 10, size: (chunk) => chunk });
    expect([queue.offer(50), queue.offer(0.5)]).toEqual(["queue", "wait"]);
    expect(chunksOf(queue)).toEqual([50]);
  });

  test("counts chunks of size 0 against maxChunks", () => {
    const queue = new BoundedQueue<string>({ maxChunks: 1, maxSize: 10, size: () => 0 });
    expect([queue.offer(""), queue.offer("")]).toEqual(["queue", "wait"]);
  });

  test("never hands out a chunk older than maxAgeMs", () => {
    let time = 0;
    const queue = new BoundedQueue<number>({ maxAgeMs: 100, now: () => time });
    for (const chunk of [0, 60, 120]) {
      time = chunk;
      queue.offer(chunk);
    }
    time = 160;
    expect(chunksOf(queue)).toEqual([60, 120]);
    expect(queue.stats().dropped.reasons).toEqual({ expired: { chunks: 1, size: 1 } });
  });

  test("counts an age from the stamp, not from the admission", () => {
    let time = 0;
    const queue = new BoundedQueue<number>({ maxChunks: 1, maxAgeMs: 100, now: () => time });
    const early = queue.stamp(1);
    time = 150;
    expect(queue.offerEntry(early)).toBe("queue");
    expect(queue.shift()).toBeUndefined();
  });

  test("does not take a chunk that has to wait", () => {
    const queue = new BoundedQueue<number>({ maxChunks: 1 });
    queue.offer(1);
    queue.offer(2);
    expect(queue.stats()).toMatchObject({ offered: 1, delivered: 0, queued: 1 });
  });

  test("accounts for everything offered", () => {
    const queue = new BoundedQueue<number>({
      maxChunks: 2,
      overflow: "drop-oldest",
      size: (chunk) => chunk,
    });
    for (const chunk of [1, 2, 3, 4]) queue.offer(chunk);
    queue.shift();
    queue.clear("closed");
    expect(queue.stats()).toEqual({
      offered: 4,
      delivered: 1,
      queued: 0,
      queuedSize: 0,
      dropped: {
        chunks: 3,
        size: 7,
        reasons: { oldest: { chunks: 2, size: 3 }, closed: { chunks: 1, size: 4 } },
      },
    });
  });

  test("gives counters that later drops do not change", () => {
    const queue = new BoundedQueue<number>({ maxChunks: 1, overflow: "drop-newest" });
    queue.offer(1);
    queue.offer(2);
    const before = queue.stats();
    queue.offer(3);
    expect(before.dropped).toEqual({
      chunks: 1,
      size: 1,
      reasons: { newest: { chunks: 1, size: 1 } },
    });
  });

  test("fits again after sizes whose sum drifts", () => {
    const queue = new BoundedQueue<number>({ maxSize: 1, size: (chunk) => chunk });
    for (let round = 0; round < 50; round++) {
      for (const chunk of [0.1, 0.2, 0.3]) queue.offer(chunk);
      chunksOf(queue);
    }
    expect(queue.size).toBe(0);
  });

  test.each([NaN, -1, Infinity, "3", 3n, undefined])("refuses the size %s", (size) => {
    const queue = new BoundedQueue<number>({ size: () => size as number });
    expect(() => queue.offer(1)).toThrow(expect.objectContaining({ code: "SPW_ERR_CHUNK" }));
    expect(queue.stats()).toMatchObject({ offered: 0, queued: 0 });
  });

  test("throws where nothing is queued", () => {
    const queue = new BoundedQueue<number>();
    queue.offer(1);
    expect(queue.at(0).chunk).toBe(1);
    expect(() => queue.at(1)).toThrow(RangeError);
    queue.shift();
    expect(() => queue.at(0)).toThrow(RangeError);
    expect(() => queue.dropFirst("oldest")).toThrow(RangeError);
  });

  test("moves positions down behind what dropWhere() drops", () => {
    const queue = new BoundedQueue<number>();
    for (const chunk of [0, 1, 2, 3]) queue.offer(chunk);
    queue.dropWhere("oldest", ({ chunk }, position) => chunk % 2 === 0 && position === chunk);
    expect([queue.first, queue.next, queue.at(0).chunk, queue.at(1).chunk]).toEqual([0, 2, 1, 3]);
  });

  test("stays whole when dropWhere() hears an exception", () => {
    const queue = new BoundedQueue<number>();
    for (const chunk of [0, 1, 2, 3]) queue.offer(chunk);
    const matches = ({ chunk }: { chunk: number }): boolean => {
      if (chunk === 2) throw new Error("matches");
      return chunk === 0;
    };
    expect(() => queue.dropWhere("oldest", matches)).toThrow("matches");
    expect(queue.stats()).toMatchObject({ offered: 4, queued: 3, dropped: { chunks: 1 } });
    expect(chunksOf(queue)).toEqual([1, 2, 3]);
  });

  test("drops the oldest when a replacement outgrows maxSize", () => {
    const queue = new BoundedQueue<number>({ maxSize: 10, size: (chunk) => chunk });
    for (const chunk of [3, 3, 3]) queue.offer(chunk);
    queue.replace(queue.first + 2, queue.stamp(7), "replaced");
    expect(queue.size).toBe(10);
    expect(chunksOf(queue)).toEqual([3, 7]);
  });

  describe("with a policy of one's own", () => {
    test("counts a chunk that was refused without refuse()", () => {
      const queue = new BoundedQueue<number>({ overflow: decides(() => "refused") });
      expect(queue.offer(1)).toBe("refused");
      expect(queue.stats()).toMatchObject({ offered: 1, dropped: { chunks: 1 } });
    });

    test("counts the chunk that overflows", () => {
      const queue = new BoundedQueue<number>({ overflow: decides(() => "overflow") });
      expect(() => queue.offer(1)).toThrow(expect.objectContaining({ code: "SPW_ERR_OVERFLOW" }));
      expect(queue.stats()).toMatchObject({ offered: 1, dropped: { chunks: 1 } });
    });

    test("takes nothing when the policy throws", () => {
      const policy = decides((queue) => {
        if (queue.length === 0) return "queue";
        queue.dropFirst("oldest");
        throw new Error("admit");
      });
      const queue = new BoundedQueue<number>({ overflow: policy });
      queue.offer(1);
      expect(() => queue.offer(2)).toThrow("admit");
      expect(queue.stats()).toMatchObject({ offered: 1, queued: 0, dropped: { chunks: 1 } });
    });

    test("calls the methods of a class instance as methods", () => {
      class Keeper implements Admission<number> {
        readonly kept = 1;
        readonly lostChunks: number[] = [];
        readonly leftAt: number[] = [];
        admit(): Verdict {
          return "queue";
        }
        keeps({ chunk }: { chunk: number }): boolean {
          return chunk === this.kept;
        }
        lost({ chunk }: { chunk: number }): void {
          this.lostChunks.push(chunk);
        }
        left(_: unknown, position: number): void {
          this.leftAt.push(position);
        }
      }
      let time = 0;
      const keeper = new Keeper();
      const queue = new BoundedQueue<number>({
        maxAgeMs: 10,
        now: () => time,
        overflow: { name: "keeper", start: () => keeper },
      });
      for (const chunk of [0, 1, 2, 3]) queue.offer(chunk);
      time = 20;
      expect(chunksOf(queue)).toEqual([1]);
      expect(keeper.lostChunks).toEqual([0, 2, 3]);
      expect(keeper.leftAt).toEqual([0, 1]);
    });
  });

  describe("onDrop", () => {
    test("hears of every drop, in order", () => {
      const heard: [number, string][] = [];
      const queue = new BoundedQueue<number>({
        maxChunks: 2,
        overflow: "latest",
        onDrop: ({ chunk }, reason) => heard.push([chunk, reason]),
      });
      for (const chunk of [1, 2, 3]) queue.offer(chunk);
      queue.clear("closed");
      expect(heard).toEqual([
        [1, "replaced"],
        [2, "replaced"],
        [3, "closed"],
      ]);
    });

    test.each(["drop-oldest", "drop-newest", "latest"] as const)(
      "sees a queue that adds up (%s)",
      (overflow) => {
        const sums: number[] = [];
        const queue: BoundedQueue<number> = new BoundedQueue<number>({
          maxChunks: 2,
          overflow,
          onDrop: () => {
            const { offered, delivered, dropped, queued } = queue.stats();
            sums.push(offered - delivered - dropped.chunks - queued);
          },
        });
        for (const chunk of [1, 2, 3, 4, 5]) queue.offer(chunk);
        expect(sums).toEqual(sums.map(() => 0));
        expect(sums).not.toEqual([]);
      },
    );

    test("may offer and take", () => {
      const queue: BoundedQueue<number> = new BoundedQueue<number>({
        maxChunks: 2,
        overflow: "drop-oldest",
        onDrop: ({ chunk }) => {
          if (chunk === 1) queue.offer(10);
          if (chunk === 2) expect(queue.shift()?.chunk).toBe(3);
        },
      });
      for (const chunk of [1, 2, 3]) queue.offer(chunk);
      expect(chunksOf(queue)).toEqual([10]);
      expect(queue.stats()).toMatchObject({ offered: 4, delivered: 2, dropped: { chunks: 2 } });
    });

    test("is reported as uncaught when it throws, and the queue goes on", () => {
      const later = vi.spyOn(globalThis, "queueMicrotask").mockImplementation(() => {});
      const queue = new BoundedQueue<number>({
        maxChunks: 1,
        overflow: "drop-oldest",
        onDrop: () => {
          throw new Error("listener");
        },
      });
      queue.offer(1);
      expect(queue.offer(2)).toBe("queue");
      expect(later).toHaveBeenCalledOnce();
      expect(() => later.mock.calls[0]?.[0]()).toThrow("listener");
      later.mockRestore();
    });
  });

  test.each([
    { maxChunks: 0 },
    { maxChunks: 1.5 },
    { maxSize: 0 },
    { maxSize: NaN },
    { maxAgeMs: -1 },
    { overflow: "drop" as "wait" },
  ])("refuses %o", (options) => {
    expect(() => new BoundedQueue(options)).toThrow(RangeError);
  });

  test.each([
    { maxChunks: "1" },
    { size: 1 },
    { onDrop: {} },
    { now: 0 },
    { overflow: {} },
    { overflow: null },
  ])("refuses the types of %o", (options) => {
    expect(() => new BoundedQueue(options as never)).toThrow(TypeError);
  });
});
