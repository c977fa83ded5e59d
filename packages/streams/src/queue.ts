import { DropCounter, DropTeller } from "./drops.ts";
import { Gap, GapLedger } from "./gap.ts";
import { Deque } from "./internal/deque.ts";
import { measured } from "./internal/measure.ts";
import { fits, overflowed } from "./internal/bounds.ts";
import { checkBoolean, checkFunction, checkNumber, wrongType } from "./options.ts";
import { brokenPolicy, checkVerdict, isWordForFull, overflowPolicy } from "./overflow.ts";
import type {
  Admission,
  DropReason,
  Entry,
  OverflowPolicy,
  PolicyQueue,
  Verdict,
  Way,
} from "./policy.ts";
import type { QueueOptions, QueueStats } from "./queue-options.ts";

/** A consumer that looks for a gap and then takes a chunk sees one and the same moment. */
const SAME_MOMENT_MS = 1;

/**
 * A ring deque that accounts for count, size and age together and drops by policy.
 *
 * Backpressure: `offer()` answers `"wait"` where the policy wants the producer to wait; the queue
 * never holds more than its bounds, or one chunk that is larger than them.
 *
 * @example
 * ```ts
 * import { BoundedQueue } from "@spillway/streams";
 *
 * const queue = new BoundedQueue<number>({ maxChunks: 2, overflow: "drop-oldest" });
 * for (const chunk of [1, 2, 3]) queue.offer(chunk);
 * queue.shift()?.chunk; // 2
 * queue.stats().dropped.reasons; // { oldest: { chunks: 1, size: 1 } }
 * ```
 */
export class BoundedQueue<T> implements PolicyQueue<T> {
  readonly maxChunks: number;
  readonly maxSize: number;
  readonly #maxAgeMs: number;
  readonly #measure: ((chunk: T) => number) | undefined;
  readonly #clock: (() => number) | undefined;
  readonly #line = new Deque<T>();
  readonly #policy: OverflowPolicy<T>;
  #admission: Admission<T>;
  readonly #drops = new DropCounter();
  readonly #teller: DropTeller<T>;
  readonly #gaps: GapLedger | undefined;
  /** When `takeGap()` looked last. */
  #lookedAt = -Infinity;
  /** Whether `refuse()` or `replace()` has counted the incoming chunk. */
  #isCounted = false;
  #delivered = 0;
  /** Nobody has a word to say unless the queue is full: no clock, no gaps, no hooks of a policy. */
  readonly #isPlain: boolean;
  /** The newest comes in, the oldest goes, nobody hears of it, and nobody has seen an entry yet. */
  #isUnseen: boolean;

  /** @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"` */
  constructor(options: QueueOptions<T> = {}) {
    const { overflow = "wait" } = options;
    const positive = { min: Number.MIN_VALUE };
    this.maxChunks = checkNumber("maxChunks", options.maxChunks, 1024, { min: 1, integer: true });
    this.maxSize = checkNumber("maxSize", options.maxSize, Infinity, positive);
    this.#maxAgeMs = checkNumber("maxAgeMs", options.maxAgeMs, Infinity, positive);
    const size = checkFunction("size", options.size);
    this.#measure = size && measured("size", size);
    this.#teller = new DropTeller(checkFunction("onDrop", options.onDrop));
    this.#gaps = checkBoolean("gaps", options.gaps) ? new GapLedger() : undefined;
    this.#clock = checkFunction("now", options.now);
    if (this.#maxAgeMs < Infinity) this.#clock ??= () => performance.now();
    this.#policy = overflowPolicy(overflow);
    this.#admission = this.#startPolicy();
    this.#isPlain = isWordForFull(this.#policy) && !this.#gaps && !this.#clock;
    this.#isUnseen = this.#isPlain && overflow === "drop-oldest" && !options.onDrop;
  }

  get length(): number {
    return this.#line.length;
  }

  get size(): number {
    return this.#line.size;
  }

  /** Whether there is nothing to take: no chunk, and no gap to be told. */
  get isEmpty(): boolean {
    return this.length === 0 && (this.#gaps?.isEmpty ?? true);
  }

  get first(): number {
    return this.#line.first;
  }

  get next(): number {
    return this.#line.next;
  }

  get nextTicket(): number {
    return this.#line.nextTicket;
  }

  /** Whether a chunk of `size` fits now. An empty queue takes any chunk, however large. */
  fits(size: number): boolean {
    return fits(size, this);
  }

  /**
   * @returns the size of `chunk`
   * @throws {@link SpillwayError} with `SPW_ERR_CHUNK` when `size` throws or gives no finite number
   * from 0
   */
  measure(chunk: T): number {
    return this.#measure ? this.#measure(chunk) : 1;
  }

  at(position: number): Entry<T> {
    this.#isUnseen = false;
    return this.#line.at(position);
  }

  find(ticket: number): number {
    return this.#line.find(ticket);
  }

  /**
   * Stamps a chunk for {@link BoundedQueue.offerEntry}; its age counts from here.
   *
   * @param size - as `measure()` gave it, if it was asked before
   */
  stamp(chunk: T, size: number = this.measure(chunk)): Entry<T> {
    return { chunk, size, time: this.#clock ? this.#clock() : NaN };
  }

  /**
   * Offers a chunk to the policy.
   *
   * @returns what became of it; after `"wait"` it was not taken and is offered again later
   * @throws {@link SpillwayError} with `SPW_ERR_OVERFLOW` when the policy wants that, with
   * `SPW_ERR_CHUNK` when the chunk cannot be measured or the policy breaks; the queue stays whole
   */
  offer(chunk: T): Exclude<Verdict, "overflow"> {
    const size = this.measure(chunk);
    // The fast path of live feeds, small enough to be compiled as one.
    if (this.#isUnseen && !this.fits(size) && this.#line.cycle(chunk, size)) {
      this.#drops.count("oldest", 1, size);
      return "queue";
    }
    const entry = this.stamp(chunk, size);
    return this.#offer(entry, entry.time);
  }

  /** As {@link BoundedQueue.offer}, for an entry measured and stamped before. */
  offerEntry(entry: Entry<T>): Exclude<Verdict, "overflow"> {
    this.#isUnseen = false;
    return this.#offer(entry);
  }

  /**
   * Takes the chunk that is next by policy, by default the oldest; never one that is too old, or would be
   * at the end of its `way`.
   *
   * @throws {@link SpillwayError} with `SPW_ERR_CHUNK` when the policy breaks; the queue stays whole
   */
  shift(way?: Way): Entry<T> | undefined {
    if (this.length === 0) return undefined;
    if (this.#isPlain) {
      this.#delivered++;
      return this.#line.remove(this.first);
    }
    return this.#ask(() => {
      const now = this.#readClock(way);
      const position = this.#findNext(now - this.#lookedAt < SAME_MOMENT_MS ? this.#lookedAt : now);
      return position < 0 ? undefined : this.#remove(position);
    });
  }

  /**
   * With `gaps`, takes what is known of the chunks missing before the one that `shift()` would give:
   * one gap for each reason, then `undefined`. What is missing behind the last chunk is told once the
   * consumer has caught up, or before the next chunk. `takeGap() ?? shift()` is the whole of a
   * consumer's loop; what it skips by calling `shift()` alone stands before the chunk after.
   *
   * A chunk that a newer value replaced or merged with is no gap.
   */
  takeGap(way?: Way): Gap | undefined {
    const gaps = this.#gaps;
    if (!gaps) return undefined;
    return this.#ask(() => {
      this.#lookedAt = this.#readClock(way);
      const position = this.#findNext(this.#lookedAt);
      return gaps.take(this.#line.ticketAt(position < 0 ? this.next : position));
    });
  }

  /** Drops everything and forgets gaps; the policy does not hear of it and starts anew. */
  clear(reason: DropReason): void {
    this.#teller.after(() => {
      while (this.length > 0) this.#count(this.#line.remove(this.first), reason);
      this.#gaps?.clear();
      this.#admission = this.#startPolicy();
    });
  }

  dropFirst(reason: DropReason): void {
    this.#remove(this.first, reason);
  }

  dropAt(position: number, reason: DropReason): void {
    this.#remove(position, reason);
  }

  dropWhere(reason: DropReason, matches: (entry: Entry<T>, position: number) => boolean): void {
    this.#isUnseen = false;
    const gone: [ticket: number, dropped: Entry<T>][] = [];
    this.#teller.after(() => {
      try {
        this.#line.takeOut((entry, position, ticket) => {
          if (!matches(entry, position)) return false;
          this.#admission.left?.(entry, ticket, reason);
          gone.push([ticket, entry]);
          return true;
        });
      } finally {
        for (const [ticket, entry] of gone) this.#gone(entry, ticket, reason);
      }
    });
  }

  replace(position: number, entry: Entry<T>, reason: DropReason): void {
    this.#isUnseen = false;
    const old = this.#line.replace(position, entry);
    this.#isCounted = true;
    this.#teller.after(() => {
      this.#count(old, reason);
      while (this.size > this.maxSize && this.length > 1) {
        this.#remove(this.first === position ? position + 1 : this.first, "oldest");
      }
    });
  }

  refuse(entry: Entry<T>, reason: DropReason): "refused" {
    this.#isCounted = true;
    this.#gaps?.add(this.nextTicket, new Gap(1, entry.size, reason));
    this.#count(entry, reason);
    return "refused";
  }

  stats(): QueueStats {
    this.dropStale();
    const dropped = this.#drops.counts();
    return {
      offered: this.#delivered + dropped.chunks + this.length,
      delivered: this.#delivered,
      queued: this.length,
      queuedSize: this.size,
      dropped,
    };
  }

  /** Drops from the front what is too old; policies may keep some. */
  dropStale(way?: Way): void {
    this.#dropOlder(this.#readClock(way));
  }

  /** Drops from the front while `matches`, passing over what the policy keeps. */
  dropFront(reason: DropReason, matches: (entry: Entry<T>) => boolean): void {
    this.#ask(() => {
      let position = this.first;
      while (position < this.next && matches(this.at(position))) {
        if (this.#admission.keeps?.(this.at(position))) position++;
        else this.#lose(position, reason);
        position = Math.max(position, this.first);
      }
    });
  }

  #offer(entry: Entry<T>, now: number = this.#readClock()): Exclude<Verdict, "overflow"> {
    if (this.#isPlain && this.fits(entry.size)) {
      this.#line.push(entry);
      return "queue";
    }
    const verdict = this.#ask(() => {
      this.#dropOlder(now);
      return this.#decide(entry);
    });
    if (verdict !== "overflow") return verdict;
    throw overflowed(entry.size, this);
  }

  #decide(entry: Entry<T>): Verdict {
    if (this.#admission.onlyWhenFull && this.fits(entry.size)) {
      this.#line.push(entry);
      return "queue";
    }
    this.#isCounted = false;
    const verdict = this.#admission.admit(entry);
    const isCounted = this.#isCounted;
    checkVerdict(this.#policy.name, verdict, isCounted);
    if (isCounted || verdict === "wait") return verdict;
    if (verdict === "queue") this.#line.push(entry);
    else if (verdict === "merged") this.#count(entry, verdict);
    else this.refuse(entry, "newest");
    return verdict;
  }

  /** Policies are foreign code, and drops are told once the queue is whole again. */
  #ask<R>(question: () => R): R {
    try {
      return this.#teller.after(question);
    } catch (error) {
      throw brokenPolicy(this.#policy.name, error);
    }
  }

  #startPolicy(): Admission<T> {
    const admission = this.#policy.start(this);
    if (typeof admission?.admit === "function") return admission;
    throw wrongType("overflow", "a policy that gives an admission", this.#policy);
  }

  /** The time for whatever has to do with ages. */
  #readClock(way?: Way): number {
    if (this.#maxAgeMs === Infinity) return NaN;
    return (this.#clock as () => number)() + (way?.transitMs ?? 0);
  }

  #dropOlder(now: number): void {
    if (this.#maxAgeMs === Infinity || this.length === 0) return;
    this.dropFront("expired", (entry) => this.#isOlder(entry, now));
  }

  #isOlder({ time }: Entry<T>, now: number): boolean {
    return now - time > this.#maxAgeMs;
  }

  /** Where the next chunk waits, -1 for nowhere; whatever is too old goes first. */
  #findNext(now: number): number {
    this.#dropOlder(now);
    while (this.length > 0) {
      const position = this.#admission.pick ? this.#admission.pick() : this.first;
      if (!Number.isInteger(position))
        throw brokenPolicy(this.#policy.name, undefined, `it picked ${position}`);
      // Throws for a position where nothing waits.
      const entry = this.at(position);
      if (!this.#isOlder(entry, now) || this.#admission.keeps?.(entry)) return position;
      this.#lose(position, "expired");
    }
    return -1;
  }

  #lose(position: number, reason: DropReason): void {
    const ticket = this.#line.ticketAt(position);
    const entry = this.#remove(position, reason);
    this.#admission.lost?.(entry, ticket);
  }

  /** Takes out a chunk: dropped for `reason`, or delivered when there is none. */
  #remove(position: number, reason?: DropReason): Entry<T> {
    const ticket = this.#line.ticketAt(position);
    const entry = this.#line.at(position);
    // Asked first: what it throws leaves everything as it was.
    this.#admission.left?.(entry, ticket, reason);
    this.#line.remove(position);
    this.#gone(entry, ticket, reason);
    return entry;
  }

  /** Accounts for what has left, and for its place in line. */
  #gone(entry: Entry<T>, ticket: number, reason: DropReason | undefined): void {
    if (this.#gaps) {
      const behind = this.#line.ticketAt(this.#line.findFrom(ticket));
      this.#gaps.move(ticket, behind);
      if (reason !== undefined) this.#gaps.add(behind, new Gap(1, entry.size, reason));
    }
    if (reason === undefined) this.#delivered++;
    else this.#count(entry, reason);
  }

  #count(entry: Entry<T>, reason: DropReason): void {
    this.#drops.count(reason, 1, entry.size);
    this.#teller.tell(entry, reason);
  }
}
