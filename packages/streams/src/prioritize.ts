import { SpillwayError } from "./errors.ts";
import { checkNumber, wrongType } from "./options.ts";
import type {
  Admission,
  DropReason,
  Entry,
  OverflowPolicy,
  PolicyQueue,
  Verdict,
} from "./policy.ts";

/** How {@link prioritize} tells what is important. */
export interface PrioritizeOptions<T> {
  /** How important a chunk is: any number but `NaN`, the higher the more. Asked once per chunk. */
  readonly rank: (chunk: T) => number;
  /**
   * How many of 16 deliveries in a row a rank is sure of while it waits, whatever waits above it: 1
   * to 16, or a fraction of 1 for one delivery in so many more.
   *
   * @defaultValue 1 for every rank
   */
  readonly weights?: Readonly<Record<number, number>> | undefined;
}

/** Deliveries among which each rank that waits gets its weight. */
const ROUND = 16;

/**
 * The overflow policy for streams where some chunks matter more than others.
 *
 * Backpressure: never waits. In a full queue the oldest chunk of the lowest rank makes room; an
 * incoming chunk that ranks below all that could make room for it is refused. The highest rank is
 * delivered first, and within a rank the oldest. No rank starves: one that waits gets at least
 * `weight` of every 16 deliveries, those that are due in the order they fell due, so with more due at
 * once than there are turns it waits as many turns longer as there are other ranks.
 *
 * @param options - the rank of a chunk, and what ranks are sure of
 * @returns a policy for `overflow`, usable on any number of queues
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { bounded, prioritize } from "@spillway/streams";
 *
 * interface Message {
 *   readonly kind: "alarm" | "state" | "log";
 * }
 * const ranks = { alarm: 2, state: 1, log: 0 };
 * const { readable, writable } = bounded<Message>({
 *   highWaterMark: 256,
 *   overflow: prioritize({ rank: ({ kind }) => ranks[kind], weights: { [ranks.state]: 4 } }),
 * });
 * ```
 */
export function prioritize<T>(options: PrioritizeOptions<T>): OverflowPolicy<T> {
  if (typeof options?.rank !== "function") throw wrongType("rank", "a function", options?.rank);
  const { rank, weights = {} } = options;
  if (typeof weights !== "object" || weights === null) {
    throw wrongType("weights", "an object", weights);
  }
  for (const [name, weight] of Object.entries(weights)) {
    checkNumber(`weights[${name}]`, weight, 1, { min: Number.MIN_VALUE, max: ROUND });
  }
  return { name: "prioritize", start: (queue) => new Lanes(queue, rank, { ...weights }) };
}

/** What waits of one rank. */
interface Lane {
  readonly rank: number;
  /** Oldest first. */
  readonly tickets: number[];
  /** It gets one of so many deliveries. */
  readonly every: number;
  /** After so many deliveries in all it goes before higher ranks. */
  due: number;
}

class Lanes<T> implements Admission<T> {
  readonly #queue: PolicyQueue<T>;
  readonly #rank: (chunk: T) => number;
  readonly #weights: Readonly<Record<number, number>>;
  /** Highest rank first; none is empty. */
  readonly #lanes: Lane[] = [];
  #deliveries = 0;

  constructor(
    queue: PolicyQueue<T>,
    rank: (chunk: T) => number,
    weights: Readonly<Record<number, number>>,
  ) {
    this.#queue = queue;
    this.#rank = rank;
    this.#weights = weights;
  }

  admit(entry: Entry<T>): Verdict {
    const rank = this.#rank(entry.chunk);
    if (typeof rank !== "number" || Number.isNaN(rank)) {
      const given = String(rank);
      throw new SpillwayError("SPW_ERR_CHUNK", `Cannot queue chunk: rank() gave ${given}`);
    }
    if (!this.#queue.fits(entry.size)) {
      if (!this.#hasRoomBelow(rank, entry.size)) return this.#queue.refuse(entry, "outranked");
      while (!this.#queue.fits(entry.size)) this.#dropLowest(rank);
    }
    this.#laneOf(rank).tickets.push(this.#queue.nextTicket);
    return "queue";
  }

  pick(): number {
    let next = this.#lanes[0] as Lane;
    let due = this.#deliveries;
    for (const lane of this.#lanes) {
      if (lane.due > due) continue;
      next = lane;
      // Of those overdue the one that has been so for longest, of two such the higher.
      due = lane.due - 1;
    }
    return this.#queue.find(next.tickets[0] as number);
  }

  left(_: Entry<T>, ticket: number, reason?: DropReason): void {
    let index = this.#lanes.findIndex(({ tickets }) => tickets[0] === ticket);
    // Only a drop that was none of ours takes one from the middle.
    if (index < 0) index = this.#lanes.findIndex(({ tickets }) => tickets.includes(ticket));
    const lane = this.#lanes[index] as Lane;
    if (lane.tickets[0] === ticket) lane.tickets.shift();
    else lane.tickets.splice(lane.tickets.indexOf(ticket), 1);
    if (reason === undefined) {
      this.#deliveries++;
      lane.due = this.#deliveries + lane.every - 1;
    }
    if (lane.tickets.length === 0) this.#lanes.splice(index, 1);
  }

  /** Whether `size` would fit if everything up to `rank` left: nothing is dropped in vain. */
  #hasRoomBelow(rank: number, size: number): boolean {
    const queue = this.#queue;
    let chunks = queue.length;
    let rest = queue.size;
    for (let index = this.#lanes.length - 1; index >= 0; index--) {
      const lane = this.#lanes[index] as Lane;
      if (lane.rank > rank) return false;
      for (const ticket of lane.tickets) {
        chunks--;
        rest -= queue.at(queue.find(ticket)).size;
        if (chunks === 0 || (chunks < queue.maxChunks && rest + size <= queue.maxSize)) return true;
      }
    }
    return false;
  }

  #dropLowest(incoming: number): void {
    const { rank, tickets } = this.#lanes.at(-1) as Lane;
    const position = this.#queue.find(tickets[0] as number);
    this.#queue.dropAt(position, rank < incoming ? "outranked" : "oldest");
  }

  #laneOf(rank: number): Lane {
    let index = this.#lanes.findIndex((lane) => lane.rank <= rank);
    if (index < 0) index = this.#lanes.length;
    const found = this.#lanes[index];
    if (found?.rank === rank) return found;
    const every = Math.floor(ROUND / (this.#weights[rank] ?? 1));
    const lane = { rank, tickets: [], every, due: this.#deliveries + every - 1 };
    this.#lanes.splice(index, 0, lane);
    return lane;
  }
}
