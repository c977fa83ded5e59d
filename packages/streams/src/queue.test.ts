import { describe, expect, test, vi } from "vitest";
import type { Admission, Entry, OverflowPolicy, PolicyQueue, Verdict } from "./policy.ts";
import { BoundedQueue } from "./queue.ts";

function chunksOf<T>(queue: BoundedQueue<T>): T[] {
  const chunks: T[] = [];
  for (let entry = queue.shift(); entry; entry = queue.shift()) chunks.push(entry.chunk);
  return chunks;
}

function decides(admit: (queue: PolicyQueue<number>) => Verdict): OverflowPolicy<number> {
  return { name: "test", start: (queue) => ({ admit: () => admit(queue) }) };
}

/** What `call` throws. */
function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown");
}

const broken = { code: "SPW_ERR_CHUNK" };

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

  test("passes on what size() throws, as the cause", () => {
    const cause = new Error("size");
    const queue = new BoundedQueue<number>({
      size: (chunk) => {
        if (chunk === 2) throw cause;
        return 1;
      },
    });
    queue.offer(1);
    expect(thrownBy(() => queue.offer(2))).toMatchObject({ ...broken, cause });
    expect(thrownBy(() => queue.stamp(2))).toMatchObject({ ...broken, cause });
    queue.offer(3);
    expect(queue.stats()).toMatchObject({ offered: 2, queued: 2, queuedSize: 2 });
    expect(chunksOf(queue)).toEqual([1, 3]);
  });

  test("gives back the very entry it was given", () => {
    const queue = new BoundedQueue<number>({ maxChunks: 2, overflow: "drop-oldest" });
    const entries = [1, 2, 3].map((chunk) => ({ chunk, size: 1, time: 0 }));
    for (const entry of entries) queue.offerEntry(entry);
    expect(queue.at(queue.first)).toBe(entries[1]);
    expect(queue.shift()).toBe(entries[1]);
    queue.offer(4);
    expect(queue.shift()).toBe(entries[2]);
    expect(queue.shift()).toEqual({ chunk: 4, size: 1, time: NaN });
  });

  test.each(["wait", "drop-oldest"] as const)("leaves the clock alone for %s", (overflow) => {
    const clock = vi.spyOn(performance, "now");
    const queue = new BoundedQueue<number>({ maxChunks: 1, overflow });
    for (const chunk of [1, 2]) queue.offer(chunk);
    expect(queue.shift()?.time).toBeNaN();
    queue.stats();
    expect(clock).not.toHaveBeenCalled();
    clock.mockRestore();
  });

  test("stamps with the clock it is given, without ages too", () => {
    const queue = new BoundedQueue<number>({ now: () => 7 });
    queue.offer(1);
    expect(queue.shift()).toEqual({ chunk: 1, size: 1, time: 7 });
  });

  test("drops as many of the oldest as a larger one takes", () => {
    const queue = new BoundedQueue<number>({
      maxSize: 10,
      size: (chunk) => chunk,
      overflow: "drop-oldest",
    });
    for (const chunk of [5, 5, 1, 3, 3, 3, 20, 4]) queue.offer(chunk);
    expect(queue.stats()).toEqual({
      offered: 8,
      delivered: 0,
      queued: 1,
      queuedSize: 4,
      dropped: { chunks: 7, size: 40, reasons: { oldest: { chunks: 7, size: 40 } } },
    });
  });

  test("hands out nothing too old, whatever the order of times", () => {
    const queue = new BoundedQueue<number>({ maxAgeMs: 10, now: () => 100 });
    for (const time of [95, 20, 99, 30, 40]) queue.offerEntry({ chunk: time, size: 1, time });
    expect(chunksOf(queue)).toEqual([95, 99]);
    expect(queue.stats().dropped.reasons).toEqual({ expired: { chunks: 3, size: 3 } });
  });

  test("starts anew after clear()", () => {
    const starts: number[] = [];
    const overflow: OverflowPolicy<number> = {
      name: "first only",
      start: ({ length }) => {
        let admitted = 0;
        starts.push(length);
        return { admit: () => (admitted++ > 0 ? "wait" : "queue") };
      },
    };
    const queue = new BoundedQueue<number>({ overflow });
    expect([queue.offer(1), queue.offer(2)]).toEqual(["queue", "wait"]);
    queue.clear("closed");
    expect([queue.offer(3), queue.offer(4)]).toEqual(["queue", "wait"]);
    expect(starts).toEqual([0, 0]);
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

  test("never drops the replacement itself", () => {
    const queue = new BoundedQueue<number>({ maxSize: 10, size: (chunk) => chunk });
    for (const chunk of [3, 3, 3]) queue.offer(chunk);
    queue.replace(queue.first, queue.stamp(7), "replaced");
    expect(chunksOf(queue)).toEqual([7, 3]);
  });

  test("finds a chunk by its ticket wherever it has moved", () => {
    const queue = new BoundedQueue<number>({ maxChunks: Infinity });
    const tickets = new Map<number, number>();
    for (let chunk = 0; chunk < 40; chunk++) {
      tickets.set(chunk, queue.nextTicket);
      queue.offer(chunk);
    }
    queue.dropWhere("oldest", ({ chunk }) => chunk % 3 === 0);
    for (const position of [queue.first + 3, queue.next - 3]) queue.dropAt(position, "oldest");
    queue.shift();
    const found = [...tickets].filter(([chunk, ticket]) => {
      const position = queue.find(ticket);
      return position >= 0 && queue.at(position).chunk === chunk;
    });
    expect(found.map(([chunk]) => chunk)).toEqual(chunksOf(queue));
    expect([...tickets.values()].map((ticket) => queue.find(ticket))).toEqual(
      Array.from({ length: 40 }, () => -1),
    );
  });

  describe("with a policy of one's own", () => {
    test("hands out what the policy picks", () => {
      const overflow: OverflowPolicy<number> = {
        name: "last in, first out",
        start: (queue) => ({ admit: () => "queue", pick: () => queue.next - 1 }),
      };
      const queue = new BoundedQueue<number>({ overflow });
      for (const chunk of [1, 2, 3]) queue.offer(chunk);
      expect(queue.shift()?.chunk).toBe(3);
      queue.offer(4);
      expect(chunksOf(queue)).toEqual([4, 2, 1]);
    });

    test("hands out no pick that is too old", () => {
      const queue = new BoundedQueue<number>({
        maxAgeMs: 10,
        now: () => 100,
        overflow: {
          name: "last in, first out",
          start: (line) => ({ admit: () => "queue", pick: () => line.next - 1 }),
        },
      });
      for (const time of [99, 95, 20]) queue.offerEntry({ chunk: time, size: 1, time });
      expect(chunksOf(queue)).toEqual([95, 99]);
    });

    test("asks only about what does not fit, where the policy wants that", () => {
      const asked: number[] = [];
      const overflow: OverflowPolicy<number> = {
        name: "when full",
        start: (queue) => ({
          onlyWhenFull: true,
          admit: (entry) => {
            asked.push(entry.chunk);
            return queue.refuse(entry, "no room");
          },
        }),
      };
      const queue = new BoundedQueue<number>({ maxChunks: 2, overflow });
      expect([1, 2, 3].map((chunk) => queue.offer(chunk))).toEqual(["queue", "queue", "refused"]);
      expect(asked).toEqual([3]);
    });

    test.each([undefined, null, "", "drop", 1, Promise.resolve("queue")])(
      "refuses the verdict %o",
      (verdict) => {
        const queue = new BoundedQueue<number>({ overflow: decides(() => verdict as "queue") });
        expect(thrownBy(() => queue.offer(1))).toMatchObject(broken);
        expect(queue.stats()).toMatchObject({ offered: 0, queued: 0, dropped: { chunks: 0 } });
      },
    );

    test.each(["queue", "wait"] as const)("refuses %o about a chunk it has refused", (verdict) => {
      const overflow: OverflowPolicy<number> = {
        name: "both",
        start: (queue) => ({
          admit: (entry) => {
            queue.refuse(entry, "newest");
            return verdict;
          },
        }),
      };
      const queue = new BoundedQueue<number>({ overflow });
      expect(thrownBy(() => queue.offer(1))).toMatchObject(broken);
      expect(queue.stats()).toMatchObject({ offered: 1, queued: 0, dropped: { chunks: 1 } });
    });

    test("counts a chunk as merged where the policy changed the waiting one itself", () => {
      const overflow: OverflowPolicy<number[]> = {
        name: "append",
        start: (queue) => ({
          admit: ({ chunk }) => {
            if (queue.length === 0) return "queue";
            queue.at(queue.first).chunk.push(...chunk);
            return "merged";
          },
        }),
      };
      const queue = new BoundedQueue<number[]>({ overflow });
      expect([queue.offer([1]), queue.offer([2])]).toEqual(["queue", "merged"]);
      expect(queue.stats().dropped.reasons).toEqual({ merged: { chunks: 1, size: 1 } });
      expect(chunksOf(queue)).toEqual([[1, 2]]);
    });

    test.each([NaN, -1, 2, 0.5, undefined, "0"])("refuses the pick %o", (pick) => {
      const overflow = {
        name: "picks",
        start: () => ({ admit: () => "queue" as const, pick: () => pick as number }),
      };
      const queue = new BoundedQueue<number>({ overflow });
      for (const chunk of [1, 2]) queue.offer(chunk);
      expect(thrownBy(() => queue.shift())).toMatchObject(broken);
      expect(queue.stats()).toMatchObject({ offered: 2, delivered: 0, queued: 2 });
    });

    test.each(["admit", "pick", "keeps", "left", "lost"] as const)(
      "stays whole when %s() throws",
      (method) => {
        let isBroken = false;
        let time = 0;
        const cause = new Error(method);
        const calm = {
          admit: () => "queue",
          pick: () => 0,
          keeps: () => false,
          left: () => {},
          lost: () => {},
        };
        const breaking = (): unknown => {
          if (isBroken) throw cause;
          return calm[method]();
        };
        const admission = { ...calm, [method]: breaking } as Admission<number>;
        const queue = new BoundedQueue<number>({
          maxAgeMs: 10,
          now: () => time,
          overflow: { name: "breaks", start: () => admission },
        });
        for (const chunk of [1, 2]) queue.offer(chunk);
        isBroken = true;
        if (method === "keeps" || method === "lost") time = 20;
        const error = thrownBy(() => (method === "admit" ? queue.offer(3) : queue.shift()));
        expect(error).toMatchObject({ ...broken, cause });
        isBroken = false;
        const { offered, delivered, queued, dropped } = queue.stats();
        expect({ offered, books: delivered + queued + dropped.chunks }).toEqual({
          offered: 2,
          books: 2,
        });
        time = 0;
        expect(queue.offer(4)).toBe("queue");
        queue.clear("closed");
        expect(queue.stats()).toMatchObject({ offered: 3, queued: 0 });
      },
    );

    test("lets an error of its own through as it is", () => {
      const own = thrownBy(() => new BoundedQueue<number>({ size: () => NaN }).offer(1));
      const queue = new BoundedQueue<number>({
        overflow: decides(() => {
          throw own;
        }),
      });
      expect(thrownBy(() => queue.offer(1))).toBe(own);
    });

    test.each([undefined, null, {}, { admit: "queue" }])(
      "refuses the admission %o",
      (admission) => {
        const overflow = { name: "none", start: () => admission } as never;
        expect(() => new BoundedQueue({ overflow })).toThrow(TypeError);
      },
    );

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
      expect(() => queue.offer(2)).toThrow(expect.objectContaining(broken));
      expect(queue.stats()).toMatchObject({ offered: 1, queued: 0, dropped: { chunks: 1 } });
    });

    test("calls the methods of a class instance as methods", () => {
      class Keeper implements Admission<number> {
        readonly kept = 1;
        readonly lostChunks: number[] = [];
        readonly leaving: unknown[] = [];
        admit(): Verdict {
          return "queue";
        }
        keeps({ chunk }: { chunk: number }): boolean {
          return chunk === this.kept;
        }
        lost({ chunk }: { chunk: number }): void {
          this.lostChunks.push(chunk);
        }
        left({ chunk }: Entry<number>, ticket: number, reason?: string): void {
          this.leaving.push([chunk, ticket, reason]);
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
      expect(keeper.leaving).toEqual([
        [0, 0, "expired"],
        [2, 2, "expired"],
        [3, 3, "expired"],
        [1, 1, undefined],
      ]);
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
    { maxChunks: -1 },
    { maxChunks: 1.5 },
    { maxSize: 0 },
    { maxSize: NaN },
    { maxAgeMs: -1 },
    { overflow: "drop" as "wait" },
  ])("refuses %o", (options) => {
    const error = thrownBy(() => new BoundedQueue(options));
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ code: "SPW_ERR_OPTION" });
  });

  test.each([
    { maxChunks: "1" },
    { size: 1 },
    { onDrop: {} },
    { now: 0 },
    { gaps: "yes" },
    { overflow: {} },
    { overflow: null },
  ])("refuses the types of %o", (options) => {
    expect(() => new BoundedQueue(options as never)).toThrow(TypeError);
  });
});

describe("replace()", () => {
  test("tells of drops once the queue is within its bounds", () => {
    const seen: [chunk: number, reason: string, size: number][] = [];
    const queue: BoundedQueue<number> = new BoundedQueue<number>({
      maxSize: 10,
      size: (chunk) => chunk,
      onDrop: ({ chunk }, reason) => seen.push([chunk, reason, queue.size]),
    });
    for (const chunk of [3, 4]) queue.offer(chunk);
    queue.replace(queue.first + 1, queue.stamp(9), "replaced");
    expect(seen).toEqual([
      [4, "replaced", 9],
      [3, "oldest", 9],
    ]);
  });
});
