import { describe, expect, test } from "vitest";
import { prioritize, type PrioritizeOptions } from "./prioritize.ts";
import { BoundedQueue } from "./queue.ts";
import type { QueueOptions } from "./queue-options.ts";

/** `2a` has rank 2 and is called a; then a size. */
type Task = string;

const rank = (task: Task): number => Number.parseFloat(task);
const size = (task: Task): number => Number(task.split(":")[1] ?? 1);

function queueOf(
  bounds: QueueOptions<Task> = {},
  options: Partial<PrioritizeOptions<Task>> = {},
): BoundedQueue<Task> {
  return new BoundedQueue({ size, ...bounds, overflow: prioritize({ rank, ...options }) });
}

function offerAll(queue: BoundedQueue<Task>, tasks: string): string[] {
  return tasks.split(" ").map((task) => queue.offer(task));
}

function shown(queue: BoundedQueue<Task>): string {
  const tasks: Task[] = [];
  for (let entry = queue.shift(); entry; entry = queue.shift()) tasks.push(entry.chunk);
  return tasks.join(" ");
}

function reasons(queue: BoundedQueue<Task>): Record<string, number> {
  const tallies = Object.entries(queue.stats().dropped.reasons);
  return Object.fromEntries(tallies.map(([why, tally]) => [why, tally?.chunks ?? 0]));
}

/** Rank by rank, how many of `count` deliveries each got while all of them wait all the time. */
function shares(queue: BoundedQueue<Task>, ranks: readonly number[], count: number): number[] {
  const got = new Map<number, number>();
  for (const own of ranks) queue.offer(`${own}`);
  for (let delivery = 0; delivery < count; delivery++) {
    const task = queue.shift()?.chunk as Task;
    got.set(rank(task), (got.get(rank(task)) ?? 0) + 1);
    queue.offer(task);
  }
  return ranks.map((own) => got.get(own) ?? 0);
}

describe("prioritize()", () => {
  test("delivers by rank, then age", () => {
    const queue = queueOf();
    offerAll(queue, "0a 2a 1a 2b 0b 1b -3a 2.5a");
    expect(shown(queue)).toBe("2.5a 2a 2b 1a 1b 0a 0b -3a");
  });

  test("drops the oldest of the lowest rank", () => {
    const queue = queueOf({ maxChunks: 4 });
    offerAll(queue, "1a 0a 2a 0b 2b 1b 1c");
    expect(shown(queue)).toBe("2a 2b 1b 1c");
    expect(reasons(queue)).toEqual({ outranked: 2, oldest: 1 });
  });

  test("refuses what ranks below all that waits", () => {
    const queue = queueOf({ maxChunks: 2 });
    expect(offerAll(queue, "1a 2a 0a 1b")).toEqual(["queue", "queue", "refused", "queue"]);
    expect(shown(queue)).toBe("2a 1b");
    expect(reasons(queue)).toEqual({ outranked: 1, oldest: 1 });
  });

  test("drops nothing for what does not fit all the same", () => {
    const queue = queueOf({ maxSize: 10 });
    expect(offerAll(queue, "2a:6 0a:2 0b:2 1a:5")).toContain("refused");
    expect(shown(queue)).toBe("2a:6 0a:2 0b:2");
    offerAll(queue, "2a:6 0a:2 0b:2 1a:4");
    expect(shown(queue)).toBe("2a:6 1a:4");
  });

  test("takes a chunk larger than the bound when nothing waits that ranks higher", () => {
    const queue = queueOf({ maxSize: 10 });
    offerAll(queue, "1a 0a 1b:50");
    expect(queue.size).toBe(50);
    offerAll(queue, "2a:1 0b:1");
    expect(shown(queue)).toBe("2a:1 0b:1");
    offerAll(queue, "3a 2b:50");
    expect(shown(queue)).toBe("3a");
  });

  test("gives every rank that waits one of 16 deliveries", () => {
    // They fall due together once; from then on one is due a turn after the other.
    expect(shares(queueOf(), [0, 1, 5], 1601)).toEqual([100, 100, 1401]);
  });

  test("gives ranks their weight", () => {
    const weights = { 0: 0.5, 1: 4 };
    expect(shares(queueOf({}, { weights }), [0, 1, 5], 1601)).toEqual([50, 400, 1151]);
  });

  test("shares what there is when more is due than there are turns", () => {
    const weights = { 0: 16, 1: 16, 2: 16 };
    expect(shares(queueOf({}, { weights }), [0, 1, 2], 300)).toEqual([100, 100, 100]);
    const ranks = Array.from({ length: 40 }, (_, own) => own);
    expect(Math.min(...shares(queueOf(), ranks, 4000))).toBeGreaterThanOrEqual(90);
  });

  test("serves the higher of two that fell due together", () => {
    const queue = queueOf({}, { weights: { 0: 16, 1: 16 } });
    offerAll(queue, "0a 1a 2a");
    expect(shown(queue)).toBe("1a 0a 2a");
  });

  test("owes a rank nothing for the time when it did not wait", () => {
    const queue = queueOf();
    for (let turn = 0; turn < 100; turn++) {
      queue.offer("1a");
      queue.shift();
    }
    offerAll(queue, "1a 0a 1b 1c");
    expect(shown(queue)).toBe("1a 1b 1c 0a");
  });

  test("drops by age before rank", () => {
    let time = 0;
    const queue = queueOf({ maxAgeMs: 100, now: () => time });
    for (const task of ["0a", "2a", "0b", "1a"]) {
      time += 40;
      queue.offer(task);
    }
    time = 200;
    expect(shown(queue)).toBe("1a 0b");
    expect(reasons(queue)).toEqual({ expired: 2 });
  });

  test("goes on when somebody else drops from its lanes", () => {
    const queue = queueOf();
    offerAll(queue, "0a 1a 1b 0b 1c 2a");
    queue.dropWhere("gone", (entry) => ["1b", "2a", "0a"].includes(entry.chunk));
    offerAll(queue, "1d");
    expect(shown(queue)).toBe("1a 1c 1d 0b");
    offerAll(queue, "0a 1a");
    queue.clear("closed");
    offerAll(queue, "0b 2a");
    expect(shown(queue)).toBe("2a 0b");
  });

  test("serves queues independently", () => {
    const overflow = prioritize({ rank });
    const [one, two] = [new BoundedQueue({ overflow }), new BoundedQueue({ overflow })];
    one.offer("1a");
    two.offer("0a");
    expect([shown(one), shown(two)]).toEqual(["1a", "0a"]);
  });

  const cause = new Error("rank");
  const throwing = (): never => {
    throw cause;
  };

  test.each([
    ["throws", throwing, { cause }],
    ["gives NaN", () => NaN, {}],
    ["gives a word", () => "high" as never, {}],
    ["gives nothing", () => undefined as never, {}],
  ] as const)("stays whole when rank() %s", (_, broken, given) => {
    let own: (task: Task) => number = rank;
    const queue = queueOf({ maxChunks: 2 }, { rank: (task) => own(task) });
    offerAll(queue, "0a 1a");
    own = broken;
    let error: unknown;
    try {
      queue.offer("2a");
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: "SPW_ERR_CHUNK", ...given });
    expect(queue.stats()).toMatchObject({ offered: 2, queued: 2 });
    own = rank;
    offerAll(queue, "2b");
    expect(shown(queue)).toBe("2b 1a");
  });

  test.each([undefined, {}, { rank: 1 }, { rank, weights: 2 }, { rank, weights: { 0: "1" } }])(
    "refuses the types of %o",
    (options) => {
      expect(() => prioritize(options as never)).toThrow(TypeError);
    },
  );

  test.each([0, -1, 17, NaN, Infinity])("refuses the weight %d", (weight) => {
    expect(() => prioritize({ rank, weights: { 1: weight } })).toThrow(RangeError);
  });
});
