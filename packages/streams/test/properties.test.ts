import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BoundedQueue, type DropReason, Gap, type SpillwayError } from "../src/index.ts";
import { prioritize } from "../src/prioritize.ts";
import { BoundedRig, type Command } from "./bounded-rig.ts";
import { BroadcastRig, type HubCommand } from "./broadcast-rig.ts";
import {
  type Chunk,
  draft,
  droppingPolicies,
  faultIn,
  holds,
  isWithinMark,
  MARK,
  policies,
  queuePolicies,
} from "./model.ts";

/** Milliseconds one property may take on a busy machine; it takes about one second. */
const LIMIT_MS = 60_000;

const named = Object.entries(policies);
const bounds = {
  maxChunks: fc.integer({ min: 1, max: 6 }),
  maxAgeMs: fc.constantFrom(20, 50, Infinity),
};

/** A number is a wait in milliseconds. */
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: draft },
    { weight: 4, arbitrary: fc.constant("shift" as const) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 40 }) },
  ),
  { maxLength: 60 },
);

/** Policies that deliver in the order of arrival, so that a gap has its one place. */
const inOrder = /^(wait|drop|latest|error|keyframes|keeps)/;

describe.each(Object.entries(queuePolicies))("BoundedQueue with %s", (name, overflow) => {
  test("keeps its bounds, order and books", { timeout: LIMIT_MS }, () => {
    const property = fc.property(steps, fc.record(bounds), (script, limits) => {
      let time = 0;
      const offered: Chunk[] = [];
      const delivered: Chunk[] = [];
      const told: [Chunk, DropReason][] = [];
      const gaps: Gap[] = [];
      const queue: BoundedQueue<Chunk> = new BoundedQueue<Chunk>({
        ...limits,
        overflow,
        maxSize: MARK,
        gaps: true,
        size: ({ size }) => size,
        now: () => time,
        onDrop: ({ chunk }, reason) => told.push([chunk, reason]),
      });
      const missed = (): [Chunk, DropReason][] => {
        const supersedes = name.startsWith("conflate") ? ["replaced", "merged"] : [];
        return told.filter(([, reason]) => !supersedes.includes(reason));
      };
      const take = (): boolean => {
        const next = queue.takeGap() ?? queue.shift();
        if (next instanceof Gap) gaps.push(next);
        else if (next) {
          delivered.push(next.chunk);
          const isKept = name.startsWith("keyframes") && next.chunk.kind === "required";
          holds(isKept || time - next.time <= limits.maxAgeMs, "the age");
          const before = missed().filter(([{ id }]) => id < next.chunk.id).length;
          holds(!inOrder.test(name) || before === sumOf(gaps), "the place of gaps");
        }
        return next !== undefined;
      };
      for (const step of script) {
        if (typeof step === "number") time += step;
        else if (step === "shift") take();
        else {
          const chunk = { ...step, id: offered.length };
          if (offer(queue, chunk) !== "wait") offered.push(chunk);
        }
        const held = Array.from({ length: queue.length }, (_, n) => queue.at(queue.first + n));
        holds(held.length <= limits.maxChunks, "the bound of chunks");
        holds(
          isWithinMark(
            name,
            held.map(({ chunk }) => chunk),
          ),
          "the bound of sizes",
        );
        holds(held.reduce((sum, { size }) => sum + size, 0) === queue.size, "the sum of sizes");
        const topics = new Set(held.map(({ chunk }) => chunk.topic));
        holds(!name.startsWith("conflate") || topics.size === held.length, "one of each topic");
        const stats = queue.stats();
        holds(stats.offered === offered.length, "what was offered");
        holds(stats.delivered === delivered.length, "what was delivered");
        holds(stats.dropped.chunks === told.length, "what was dropped");
        holds(stats.offered === stats.delivered + told.length + stats.queued, "the books");
      }
      const rest = queue.length;
      for (let taken = gaps.length; take(); taken++) {
        // One for each place, and as many again as are spare.
        holds(gaps.length - taken <= rest + 18, "the number of gaps");
      }
      expect(tallied(gaps.map(({ dropped, size, reason }) => [{ size }, reason, dropped]))).toEqual(
        tallied(missed()),
      );
      queue.clear("closed");
      expect(queue.takeGap()).toBeUndefined();
      expect(tallied(told)).toEqual(queue.stats().dropped.reasons);
      expect(faultIn(name, offered, delivered)).toBeUndefined();
      const ids = [...delivered, ...told.map(([chunk]) => chunk)].map(({ id }) => id);
      expect(ids.sort((one, two) => one - two)).toEqual(offered.map(({ id }) => id));
      for (const [{ kind }, reason] of told) {
        if (!name.startsWith("keyframes") || kind !== "required") continue;
        // "newest" is the one that overflows.
        expect(["closed", "newest"]).toContain(reason);
      }
    });
    fc.assert(property, { numRuns: 2000 });
  });
});

const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ offer: fc.integer({ min: 0, max: 12 }) }) },
  { weight: 2, arbitrary: fc.record({ offerEntry: fc.integer({ min: 0, max: 12 }) }) },
  { weight: 4, arbitrary: fc.constant("shift" as const) },
  { weight: 1, arbitrary: fc.constantFrom("drop" as const, "clear" as const) },
);

describe.each(["wait", "drop-oldest", "drop-newest", "latest", "error"] as const)(
  "a plain BoundedQueue with %s",
  (overflow) => {
    test("does what one with a listener, gaps and a clock does", { timeout: LIMIT_MS }, () => {
      const property = fc.property(fc.array(operation), bounds.maxChunks, (script, maxChunks) => {
        const common = { overflow, maxChunks, maxSize: MARK, size: (chunk: number) => chunk };
        const queues = [
          new BoundedQueue<number>(common),
          new BoundedQueue<number>({ ...common, gaps: true, now: () => 0, onDrop: () => {} }),
        ];
        for (const step of script) {
          const [plain, full] = queues.map((queue): unknown => {
            if (step === "shift") return queue.shift()?.chunk;
            if (step === "clear") return queue.clear("closed");
            if (step === "drop") return queue.length > 1 && queue.dropAt(queue.next - 1, "drop");
            try {
              if ("offer" in step) return queue.offer(step.offer);
              return queue.offerEntry({ chunk: step.offerEntry, size: step.offerEntry, time: 0 });
            } catch (error) {
              return (error as SpillwayError).message;
            }
          });
          expect(plain).toEqual(full);
          expect(queues[0]?.stats()).toEqual(queues[1]?.stats());
        }
      });
      fc.assert(property, { numRuns: 500 });
    });
  },
);

describe("prioritize()", () => {
  const weights: Readonly<Record<number, number>> = { 0: 1, 1: 0.5, 2: 4 };
  const ranks = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 });

  const every = (rank: number): number => Math.floor(16 / (weights[rank] ?? 1));

  test("serves the highest rank, and lets none starve", { timeout: LIMIT_MS }, () => {
    const property = fc.property(fc.array(ranks, { maxLength: 120 }), (rounds) => {
      const overflow = prioritize<number>({ rank: (rank) => rank, weights });
      const queue = new BoundedQueue<number>({ maxChunks: Infinity, overflow });
      /** How often a rank has been passed over since it got its turn, or began to wait. */
      const passed = [0, 0, 0, 0];
      for (const arriving of rounds) {
        for (const rank of arriving) queue.offer(rank);
        const line = Array.from({ length: queue.length }, (_, n) => queue.at(queue.first + n));
        const waiting = new Set(line.map(({ chunk }) => chunk));
        const served = queue.shift()?.chunk;
        if (served === undefined) continue;
        const isDue = (passed[served] ?? 0) >= every(served) - 1;
        holds(isDue || served === Math.max(...waiting), "only a rank that is due passes a higher");
        for (const rank of passed.keys()) {
          const isPassed = rank !== served && waiting.has(rank);
          passed[rank] = isPassed ? (passed[rank] ?? 0) + 1 : 0;
          holds((passed[rank] ?? 0) < every(rank) + 3, "a rank gets its turn");
        }
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});

function offer(queue: BoundedQueue<Chunk>, chunk: Chunk): string {
  try {
    return queue.offer(chunk);
  } catch (error) {
    // What overflows is offered and dropped; what grew too large in merging was never taken.
    return (error as SpillwayError).code === "SPW_ERR_OVERFLOW" ? "overflow" : "wait";
  }
}

function sumOf(gaps: readonly Gap[]): number {
  return gaps.reduce((sum, { dropped }) => sum + dropped, 0);
}

function tallied(
  drops: readonly [dropped: { readonly size: number }, reason: DropReason, chunks?: number][],
): Record<string, unknown> {
  const reasons: Record<string, { chunks: number; size: number }> = {};
  for (const [{ size }, reason, chunks = 1] of drops) {
    const tally = (reasons[reason] ??= { chunks: 0, size: 0 });
    tally.chunks += chunks;
    tally.size += size;
  }
  return reasons;
}

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.array(draft, { minLength: 1, maxLength: 4 }) },
  { weight: 8, arbitrary: fc.constant("read" as const) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom("close" as const, "abort" as const, "cancel" as const) },
);

describe.each(named)("bounded() with %s", (name, overflow) => {
  test("keeps its bounds and books, and settles all", { timeout: LIMIT_MS }, async () => {
    const property = fc.asyncProperty(
      fc.array(command, { maxLength: 25 }),
      fc.record(bounds),
      fc.constantFrom(undefined, ...(["read", "write", "abort", "cancel"] as const)),
      async (script, limits, mischief) => {
        const rig = new BoundedRig(name, overflow, limits, mischief);
        for (const step of script) {
          await rig.run(step);
          await rig.check();
        }
        await rig.finish();
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });
});

const hubCommand: fc.Arbitrary<HubCommand> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ publish: fc.array(draft, { minLength: 1, maxLength: 6 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      policy: fc.constantFrom(...droppingPolicies),
      highWaterMark: fc.integer({ min: 1, max: 8 }),
      maxAgeMs: bounds.maxAgeMs,
      isHungry: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ read: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ passMs: fc.integer({ min: 1, max: 300 }) }) },
  { weight: 2, arbitrary: fc.constant("stats" as const) },
  { weight: 1, arbitrary: fc.record({ cancel: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ signal: fc.nat(5) }) },
);

describe("broadcast()", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["performance"] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test("serves every subscriber by its own policy", { timeout: LIMIT_MS }, async () => {
    const property = fc.asyncProperty(
      fc.array(hubCommand, { maxLength: 40 }),
      fc.constantFrom("none" as const, "last" as const, "last-keyframe" as const),
      fc.constantFrom("close" as const, "abort" as const),
      async (script, retain, end) => {
        const rig = new BroadcastRig(retain);
        for (const step of script) {
          await rig.run(step);
          rig.check();
        }
        await rig.finish(end);
      },
    );
    await fc.assert(property, { numRuns: 1500 });
  });
});
