import * as fc from "fast-check";
import { conflate, keyframes, type Overflow, type OverflowPolicy } from "../src/index.ts";
import { prioritize } from "../src/prioritize.ts";

export { settle } from "@spillway/testing";

/** What the properties send: a picture, a value and a number of bytes in one. */
export interface Chunk {
  readonly id: number;
  readonly kind: "key" | "delta" | "droppable" | "required";
  readonly topic: number;
  readonly size: number;
}

/** Sizes up to twice the mark that the properties use, empty ones too. */
export const MARK = 10;

export const draft: fc.Arbitrary<Omit<Chunk, "id">> = fc.record({
  kind: fc.oneof(
    { weight: 2, arbitrary: fc.constant("key" as const) },
    { weight: 5, arbitrary: fc.constant("delta" as const) },
    { weight: 2, arbitrary: fc.constant("droppable" as const) },
    { weight: 1, arbitrary: fc.constant("required" as const) },
  ),
  topic: fc.integer({ min: 0, max: 3 }),
  size: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 4 }) },
    { weight: 1, arbitrary: fc.integer({ min: MARK - 1, max: 2 * MARK }) },
  ),
});

const topicOf = (chunk: Chunk): number => chunk.topic;

const kinds = {
  isKey: ({ kind }: Chunk) => kind === "key",
  isDroppable: ({ kind }: Chunk) => kind === "droppable",
  isRequired: ({ kind }: Chunk) => kind === "required",
};

/** Every policy there is. */
export const policies: Readonly<Record<string, Overflow<Chunk>>> = {
  wait: "wait",
  "drop-oldest": "drop-oldest",
  "drop-newest": "drop-newest",
  latest: "latest",
  error: "error",
  keyframes: keyframes(kinds),
  conflate: conflate({ key: topicOf }),
  "conflate with merge": conflate<Chunk>({
    key: topicOf,
    merge: (waiting, incoming) => ({ ...incoming, size: waiting.size + incoming.size }),
  }),
};

/** The newest first; what has waited longest makes room. */
const lastInFirstOut: OverflowPolicy<Chunk> = {
  name: "last in, first out",
  start: (queue) => ({
    onlyWhenFull: true,
    admit: ({ size }) => {
      while (!queue.fits(size)) queue.dropFirst("oldest");
      return "queue";
    },
    pick: () => queue.next - 1,
  }),
};

/** The ends of a burst are worth more than its middle. */
const keepsEnds: OverflowPolicy<Chunk> = {
  name: "keeps ends",
  start: (queue) => ({
    admit: ({ size }) => {
      const middle = queue.first + (queue.length >> 1);
      queue.dropWhere("middle", (_, position) => position >= middle && !queue.fits(size));
      while (!queue.fits(size)) queue.dropAt(queue.next - 1, "middle");
      return "queue";
    },
  }),
};

/** What a queue alone is tried with as well. */
export const queuePolicies: Readonly<Record<string, Overflow<Chunk>>> = {
  ...policies,
  "keyframes with spans": keyframes<Chunk>({
    ...kinds,
    mediaTimeMs: ({ id }) => 10 * id,
    maxDroppableSpanMs: 20,
    maxSpanMs: 40,
  }),
  prioritize: prioritize({ rank: topicOf }),
  "prioritize with weights": prioritize({ rank: topicOf, weights: { 0: 4, 1: 0.5, 3: 16 } }),
  "last in, first out": lastInFirstOut,
  "keeps ends": keepsEnds,
};

export const droppingPolicies: readonly string[] = Object.keys(policies).filter(
  (name) => name !== "wait" && name !== "error",
);

/** One chunk may be larger than the mark, and for video a keyframe beside what is required. */
export function isWithinMark(policy: string, held: readonly Chunk[]): boolean {
  const sum = held.reduce((total, { size }) => total + size, 0);
  if (sum <= MARK || held.length === 1) return true;
  const [key, ...others] = held.filter(({ kind }) => kind !== "required");
  if (!policy.startsWith("keyframes") || key?.kind !== "key" || others.length > 0) return false;
  return sum - key.size <= MARK || held.length === 2;
}

/** Whether chunks of different topics pass one another in line. */
const hasLanes = (policy: string): boolean => /^(conflate|prioritize)/.test(policy);

/** The first thing wrong with the order of what was delivered, or with what it can be decoded from. */
export function faultIn(
  policy: string,
  offered: readonly Chunk[],
  delivered: readonly Chunk[],
): string | undefined {
  for (const [index, chunk] of delivered.entries()) {
    const before = delivered.slice(0, index);
    const line = hasLanes(policy) ? before.filter(({ topic }) => topic === chunk.topic) : before;
    const isLate = policy !== lastInFirstOut.name && line.some(({ id }) => id >= chunk.id);
    if (isLate) return `${chunk.id} came after a newer one`;
    if (policy.startsWith("keyframes") && !isDecodable(chunk, offered, before)) {
      return `${chunk.id} cannot be decoded`;
    }
  }
  return undefined;
}

function isDecodable(
  chunk: Chunk,
  offered: readonly Chunk[],
  delivered: readonly Chunk[],
): boolean {
  if (chunk.kind === "key" || chunk.kind === "required") return true;
  const reference = offered.findLast(
    ({ id, kind }) => id < chunk.id && (kind === "key" || kind === "delta"),
  );
  return delivered.some(({ id }) => id === reference?.id);
}

/** A promise, and what became of it so far. */
export interface Tracked<T> {
  state: "pending" | "fulfilled" | "rejected";
  value?: T;
}

export function track<T>(
  promise: Promise<T>,
  tracked: Tracked<T> = { state: "pending" },
): Tracked<T> {
  promise.then(
    (value) => {
      tracked.state = "fulfilled";
      tracked.value = value;
    },
    () => {
      tracked.state = "rejected";
    },
  );
  return tracked;
}

export function pending<T>(promises: readonly Tracked<T>[]): number {
  return promises.filter(({ state }) => state === "pending").length;
}

/** As `expect()`, a hundred times as fast: for what is checked at every step of every run. */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Does not hold: ${what}`);
}
