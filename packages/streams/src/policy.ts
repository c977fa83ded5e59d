/** A chunk in a queue, with what the queue knows about it. */
export interface Entry<T> {
  readonly chunk: T;
  /** In the unit of the queue's `size`. */
  readonly size: number;
  /** When it arrived, in milliseconds of the queue's clock; `NaN` where none runs. */
  readonly time: number;
}

/** What lies between a queue and the place where ages count. */
export interface Way {
  /** Milliseconds until what is taken now arrives there. */
  readonly transitMs: number;
}

/** Why a chunk was dropped. A policy of your own may add words of its own. */
export type DropReason =
  | "oldest" // made room for a newer one
  | "newest" // found the queue full
  | "replaced" // a newer value took its place
  | "merged" // went into a newer value
  | "outranked" // made room for, or had to give way to, a higher rank
  | "droppable" // nothing refers to it
  | "group" // its group of pictures made room
  | "keyframe" // undecodable until the next keyframe
  | "span" // too much media time waited
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

/**
 * The queue as a policy sees it. Positions count up from `first` to just before `next`, and those
 * behind a chunk that leaves the middle move down. A ticket stays with its chunk; tickets rise along
 * the line, and none is given twice.
 */
export interface PolicyQueue<T> {
  readonly length: number;
  readonly size: number;
  readonly maxChunks: number;
  /** In the unit of the queue's `size`. */
  readonly maxSize: number;
  readonly first: number;
  readonly next: number;
  /** The ticket that the incoming chunk gets if it enters. */
  readonly nextTicket: number;
  /** Whether a chunk of `size` fits now. An empty queue takes any chunk, however large. */
  fits(size: number): boolean;
  /** Measures a chunk as the queue does. */
  measure(chunk: T): number;
  at(position: number): Entry<T>;
  /** The position of the chunk with `ticket`; -1 once it has left. */
  find(ticket: number): number;
  /** Drops the oldest chunk. Positions do not move. */
  dropFirst(reason: DropReason): void;
  /** Drops the chunk at `position`, which costs more the nearer it is to the middle. */
  dropAt(position: number, reason: DropReason): void;
  /** Drops what `matches`, oldest first. Positions behind a dropped chunk move down. */
  dropWhere(reason: DropReason, matches: (entry: Entry<T>, position: number) => boolean): void;
  /**
   * Puts the incoming chunk, or what was made of it, where another waits, which is counted as dropped
   * but leaves no gap: the newer one stands for it. What there is no room for then is dropped, oldest
   * first.
   */
  replace(position: number, entry: Entry<T>, reason: DropReason): void;
  /** Counts the incoming chunk as offered and dropped; `admit` returns the answer. */
  refuse(entry: Entry<T>, reason: DropReason): "refused";
}

/**
 * A policy at work on one queue. What a method throws reaches who offered or took the chunk, as a
 * `SpillwayError` with `SPW_ERR_CHUNK`; the queue goes on as if it had not been asked.
 */
export interface Admission<T> {
  /** Says that `admit` is only asked about chunks that do not fit; the others enter. */
  readonly onlyWhenFull?: boolean;
  /**
   * Decides about one incoming chunk, making room first where it wants to:
   * `"queue"` (it enters), `"wait"` (the producer waits for room), `"merged"` (a waiting chunk took
   * it in), `"overflow"` (the stream errors), or what `queue.refuse()` returned.
   */
  admit(entry: Entry<T>): Verdict;
  /**
   * The position of the chunk to deliver next, by default the first. Never asked of an empty queue;
   * it may be asked several times before a chunk leaves, so it changes nothing.
   */
  pick?(): number;
  /** Whether `entry` may stay however old it is. */
  keeps?(entry: Entry<T>): boolean;
  /** `entry` was dropped because of its age or its lag; what depends on it may be dropped now. */
  lost?(entry: Entry<T>, ticket: number): void;
  /** `entry` is leaving: dropped for `reason`, or delivered when there is none. Drop nothing here. */
  left?(entry: Entry<T>, ticket: number, reason?: DropReason): void;
}

/** What happens when a queue is full. One policy object serves any number of queues. */
export interface OverflowPolicy<T> {
  readonly name: string;
  /** Whether a subscriber's queue may hold what has left the shared ring. */
  readonly outlivesRing?: boolean;
  /** Called once for each queue the policy is used on. */
  start(queue: PolicyQueue<T>): Admission<T>;
}
