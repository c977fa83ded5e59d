import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BoundedQueue, type DropReason } from "../src/index.ts";
import { BoundedRig, type Command } from "./bounded-rig.ts";
import { BroadcastRig, type HubCommand } from "./broadcast-rig.ts";
import { type Chunk, draft, droppingPolicies, faultIn, holds, MARK, policies } from "./model.ts";

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

describe.each(named)("BoundedQueue with %s", (name, overflow) => {
  test("keeps its bounds, order and books", { timeout: LIMIT_MS }, () => {
    const property = fc.property(steps, fc.record(bounds), (script, limits) => {
      let time = 0;
      const offered: Chunk[] = [];
      const delivered: Chunk[] = [];
      const told: [Chunk, DropReason][] = [];
      const queue: BoundedQueue<Chunk> = new BoundedQueue<Chunk>({
        ...limits,
        overflow,
        maxSize: MARK,
        size: ({ size }) => size,
        now: () => time,
        onDrop: ({ chunk }, reason) => told.push([chunk, reason]),
      });
      for (const step of script) {
        if (typeof step === "number") time += step;
        else if (step === "shift") {
          const entry = queue.shift();
          if (entry) {
            delivered.push(entry.chunk);
            const isKept = name === "keyframes" && entry.chunk.kind === "required";
            holds(isKept || time - entry.time <= limits.maxAgeMs, "the age");
          }
        } else {
          const chunk = { ...step, id: offered.length };
          if (offer(queue, chunk) !== "wait") offered.push(chunk);
        }
        const held = Array.from({ length: queue.length }, (_, n) => queue.at(queue.first + n));
        holds(held.length <= limits.maxChunks, "the bound of chunks");
        holds(queue.size <= MARK || held.length === 1, "the bound of sizes");
        holds(held.reduce((sum, { size }) => sum + size, 0) === queue.size, "the sum of sizes");
        const topics = new Set(held.map(({ chunk }) => chunk.topic));
        holds(!name.startsWith("conflate") || topics.size === held.length, "one of each topic");
        const stats = queue.stats();
        holds(stats.offered === offered.length, "what was offered");
        holds(stats.delivered === delivered.length, "what was delivered");
        holds(stats.dropped.chunks === told.length, "what was dropped");
        holds(stats.offered === stats.delivered + told.length + stats.queued, "the books");
      }
      queue.clear("closed");
      expect(tallied(told)).toEqual(queue.stats().dropped.reasons);
      expect(faultIn(name, offered, delivered)).toBeUndefined();
      const ids = [...delivered, ...told.map(([chunk]) => chunk)].map(({ id }) => id);
      expect(ids.sort((one, two) => one - two)).toEqual(offered.map(({ id }) => id));
      for (const [{ kind }, reason] of told) {
        if (name !== "keyframes" || kind !== "required") continue;
        // "newest" is the one that overflows.
        expect(["closed", "newest"]).toContain(reason);
      }
    });
    fc.assert(property, { numRuns: 2000 });
  });
});

function offer(queue: BoundedQueue<Chunk>, chunk: Chunk): string {
  try {
    return queue.offer(chunk);
  } catch {
    return "overflow";
  }
}

function tallied(told: readonly [Chunk, DropReason][]): Record<string, unknown> {
  const reasons: Record<string, { chunks: number; size: number }> = {};
  for (const [{ size }, reason] of told) {
    const tally = (reasons[reason] ??= { chunks: 0, size: 0 });
    tally.chunks++;
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
