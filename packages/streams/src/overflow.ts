import { SpillwayError } from "./errors.ts";
import { outOfRange, wrongType } from "./options.ts";
import type { Entry, OverflowPolicy, PolicyQueue, Verdict } from "./policy.ts";

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

type Word = Extract<Overflow<unknown>, string>;

const words: Readonly<Record<Word, OverflowPolicy<unknown>>> = {
  wait: whenFull("wait", () => "wait"),
  error: whenFull("error", () => "overflow"),
  "drop-newest": whenFull("drop-newest", (queue, entry) => queue.refuse(entry, "newest")),
  "drop-oldest": whenFull("drop-oldest", (queue, entry) => {
    do queue.dropFirst("oldest");
    while (!queue.fits(entry.size));
    return "queue";
  }),
  latest: {
    name: "latest",
    start: (queue) => ({
      admit: () => {
        while (queue.length > 0) queue.dropFirst("replaced");
        return "queue";
      },
    }),
  },
};

/** Turns an `overflow` option into a policy object. */
export function overflowPolicy<T>(overflow: Overflow<T>): OverflowPolicy<T> {
  const policy = typeof overflow === "string" ? words[overflow] : overflow;
  if (typeof policy?.start === "function") return policy;
  const wanted = `one of ${Object.keys(words).join(", ")} or a policy object`;
  throw (typeof overflow === "string" ? outOfRange : wrongType)("overflow", wanted, overflow);
}

/** Whether a policy is one of the words, and has nothing to say about a chunk that fits. */
export function isWordForFull(policy: OverflowPolicy<never>): boolean {
  return policy !== words.latest && Object.values(words).includes(policy);
}

/** Policies and what they call are foreign code. An error of ours has words of its own. */
export function brokenPolicy(name: string, cause: unknown, what = "it threw"): SpillwayError {
  if (cause instanceof SpillwayError) return cause;
  return new SpillwayError("SPW_ERR_CHUNK", `Cannot follow overflow policy ${name}: ${what}`, {
    cause,
  });
}

/** The first two leave the chunk to be counted later. */
const verdicts: readonly Verdict[] = ["queue", "wait", "refused", "merged", "overflow"];

/** Checks what a policy answered about a chunk that it has counted, or not. */
export function checkVerdict(name: string, verdict: Verdict, isCounted: boolean): void {
  const index = verdicts.indexOf(verdict);
  if (index < 0 || (isCounted && index < 2)) {
    throw brokenPolicy(name, undefined, `it answered ${verdict}`);
  }
}

/** A policy that has a word only about chunks that do not fit. */
function whenFull(
  name: Word,
  admit: (queue: PolicyQueue<unknown>, entry: Entry<unknown>) => Verdict,
): OverflowPolicy<unknown> {
  return {
    name,
    start: (queue) => ({ onlyWhenFull: true, admit: (entry) => admit(queue, entry) }),
  };
}
