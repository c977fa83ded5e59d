import * as fc from "fast-check";
import { conflate, keyframes, type Overflow } from "../src/index.ts";

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

/** Every policy there is. */
export const policies: Readonly<Record<string, Overflow<Chunk>>> = {
  wait: "wait",
  "drop-oldest": "drop-oldest",
  "drop-newest": "drop-newest",
  latest: "latest",
  error: "error",
  keyframes: keyframes({
    isKey: ({ kind }) => kind === "key",
    isDroppable: ({ kind }) => kind === "droppable",
    isRequired: ({ kind }) => kind === "required",
  }),
  conflate: conflate({ key: topicOf }),
  "conflate with merge": conflate<Chunk>({
    key: topicOf,
    merge: (waiting, incoming) => ({ ...incoming, size: waiting.size + incoming.size }),
  }),
};

export const droppingPolicies: readonly string[] = Object.keys(policies).filter(
  (name) => name !== "wait" && name !== "error",
);

/** The first thing wrong with the order of what was delivered, or with what it can be decoded from. */
export function faultIn(
  policy: string,
  offered: readonly Chunk[],
  delivered: readonly Chunk[],
): string | undefined {
  for (const [index, chunk] of delivered.entries()) {
    const before = delivered.slice(0, index);
    const line = policy.startsWith("conflate")
      ? before.filter(({ topic }) => topic === chunk.topic)
      : before;
    if (line.some(({ id }) => id >= chunk.id)) return `${chunk.id} came after a newer one`;
    if (policy === "keyframes" && !isDecodable(chunk, offered, before)) {
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

/** Lets everything under way run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** As `expect()`, a hundred times as fast: for what is checked at every step of every run. */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Does not hold: ${what}`);
}
