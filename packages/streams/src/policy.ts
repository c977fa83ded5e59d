/** A chunk in a queue, with what the queue knows about it. */
export interface Entry<T> {
  readonly chunk: T;
  /** In the unit of the queue's `size`. */
  readonly size: number;
  /** When it arrived, in milliseconds of the queue's clock. */
  readonly time: number;
}

/** Why a chunk was dropped. A policy of your own may add words of its own. */
export type DropReason =
  | "oldest" // made room for a newer one
  | "newest" // found the queue full
  | "replaced" // a newer value took its place
  | "merged" // went into a newer value
  | "droppable" // nothing refers to it
  | "group" // its group of pictures made room
  | "keyframe" // undecodable until the next keyframe
  | "expired" // older than `maxAgeMs`
  | "lagged" // fell out of the shared ring
  | "aborted" // the producer gave up
  | "cancelled" // the consumer gave up
  | "closed" // still queued at the end
  | (string & Record<never, never>);

/** What was dropped at once. */
export interface Drop<T> {
  readonly chunk: T;
  /** In the unit of the queue's `size`. */
  readonly size: number;
}

/**
 * Hears of every drop, in order, as soon as the queue is whole again: it may read, write, publish,
 * cancel. What it throws is reported as uncaught; the stream goes on.
 */
export type DropListener<T> = (dropped: Drop<T>, reason: DropReason) => void;

/** What a policy decided about an incoming chunk; see {@link Admission.admit}. */
export type Verdict = "queue" | "wait" | "refused" | "merged" | "overflow";

/** The queue as a policy sees it. Positions count up from `first` to just before `next`. */
export interface PolicyQueue<T> {
  readonly length: number;
  readonly size: number;
  readonly first: number;
  readonly next: number;
  /** Whether a chunk of `size` fits now. An empty queue takes any chunk, however large. */
  fits(size: number): boolean;
  /** Measures a chunk as the queue does. */
  measure(chunk: T): number;
  at(position: number): Entry<T>;
  /** Drops the oldest chunk. Positions do not move. */
  dropFirst(reason: DropReason): void;
  /** Drops what `matches`, oldest first. Positions behind a dropped chunk move down. */
  dropWhere(reason: DropReason, matches: (entry: Entry<T>, position: number) => boolean): void;
  /** Puts `entry` where another waits, which is counted as dropped. */
  replace(position: number, entry: Entry<T>, reason: DropReason): void;
  /** Counts the incoming chunk as dropped; `admit` returns the answer. */
  refuse(entry: Entry<T>, reason: DropReason): "refused";
}

/** A policy at work on one queue. */
export interface Admission<T> {
  /**
   * Decides about one incoming chunk, making room first where it wants to:
   * `"queue"` (it enters), `"wait"` (the producer waits for room), `"merged"` (a waiting chunk took
   * it in), `"overflow"` (the stream errors), or what `queue.refuse()` returned.
   */
  admit(entry: Entry<T>): Verdict;
  /** Whether `entry` may stay however old it is. */
  keeps?(entry: Entry<T>): boolean;
  /** `entry` was dropped from the front of the queue because of its age or its lag. */
  lost?(entry: Entry<T>): void;
  /** `entry` left the front of the queue, delivered or not; it was at `position`. */
  left?(entry: Entry<T>, position: number): void;
}

/** What happens when a queue is full. One policy object serves any number of queues. */
export interface OverflowPolicy<T> {
  readonly name: string;
  /** Whether a subscriber's queue may hold what has left the shared ring. */
  readonly outlivesRing?: boolean;
  /** Called once for each queue the policy is used on. */
  start(queue: PolicyQueue<T>): Admission<T>;
}
