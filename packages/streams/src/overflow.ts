import type { Admission, Entry, OverflowPolicy, PolicyQueue, Verdict } from "./policy.ts";
import { outOfRange, wrongType } from "./options.ts";

/**
 * What happens when a queue is full: the producer waits, the oldest or the incoming chunk is
 * dropped, everything waiting is replaced, the stream errors, or a policy object decides.
 */
export type Overflow<T> =
  | "wait"
  | "drop-oldest"
  | "drop-newest"
  | "latest"
  | "error"
  | OverflowPolicy<T>;

type Decide = (queue: PolicyQueue<unknown>, entry: Entry<unknown>) => Verdict;

const simple: Record<Extract<Overflow<unknown>, string>, Decide> = {
  wait: (queue, entry) => (queue.fits(entry.size) ? "queue" : "wait"),
  error: (queue, entry) => (queue.fits(entry.size) ? "queue" : "overflow"),
  "drop-newest": (queue, entry) =>
    queue.fits(entry.size) ? "queue" : queue.refuse(entry, "newest"),
  "drop-oldest": (queue, entry) => {
    while (!queue.fits(entry.size)) queue.dropFirst("oldest");
    return "queue";
  },
  latest: (queue) => {
    while (queue.length > 0) queue.dropFirst("replaced");
    return "queue";
  },
};

/** Turns an `overflow` option into a policy object. */
export function overflowPolicy<T>(overflow: Overflow<T>): OverflowPolicy<T> {
  if (typeof overflow === "string") {
    if (!Object.hasOwn(simple, overflow)) {
      const words = Object.keys(simple).map((word) => JSON.stringify(word));
      throw outOfRange("overflow", `one of ${words.join(", ")} or a policy object`, overflow);
    }
    const decide = simple[overflow];
    return {
      name: overflow,
      start: (queue): Admission<T> => ({
        admit: (entry) => decide(queue, entry),
      }),
    };
  }
  if (typeof overflow?.start !== "function") {
    throw wrongType("overflow", "a word or a policy object", overflow);
  }
  return overflow;
}
