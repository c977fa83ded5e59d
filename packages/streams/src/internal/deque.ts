import type { Entry } from "../policy.ts";

/** In the place of a size: what waits there is an entry, which knows its own. */
const ENTRY = -1;

/**
 * Chunks in line. A position counts from the front and moves down when something before it is taken
 * out of the middle; a ticket stays with its chunk. Tickets rise along the line.
 *
 * What came with an entry leaves with that very entry. What came bare is kept bare, and an entry is
 * made when somebody looks: nobody looks at most of what is dropped, and making an entry costs as
 * much as all the rest.
 */
export class Deque<T> {
  // A power of two long. The place of a position is the low bits of position + `#slip`.
  #items: (T | Entry<T> | undefined)[] = Array.from({ length: 8 });
  #sizes: number[] = Array.from({ length: 8 }, () => 0);
  /** Undefined while tickets are positions, or nearly: until something leaves the middle. */
  #tickets: number[] | undefined;
  /** How far tickets are ahead of positions at the end of the line. */
  #ahead = 0;
  #slip = 0;
  #first = 0;
  #next = 0;
  #size = 0;

  get length(): number {
    return this.#next - this.#first;
  }

  /** Sum of the sizes. */
  get size(): number {
    return this.#size;
  }

  get first(): number {
    return this.#first;
  }

  get next(): number {
    return this.#next;
  }

  get nextTicket(): number {
    return this.#next + this.#ahead;
  }

  at(position: number): Entry<T> {
    this.#check(position);
    return this.#entryIn(this.#place(position));
  }

  /** The ticket of what waits at `position`; behind the last, the one that is next. */
  ticketAt(position: number): number {
    if (!this.#tickets || position >= this.#next) return position + this.#ahead;
    return this.#tickets[this.#place(position)] as number;
  }

  /** Where the chunk with `ticket` waits; -1 when it has left. */
  find(ticket: number): number {
    const position = this.findFrom(ticket);
    return position < this.#next && this.ticketAt(position) === ticket ? position : -1;
  }

  /** Where the first chunk with `ticket` or a later one waits; `next` when none does. */
  findFrom(ticket: number): number {
    let low = this.#first;
    let high = Math.min(this.#next, Math.max(low, ticket - this.ticketAt(low) + low));
    // Only a chunk that something has left before stands nearer than its ticket says.
    if (!this.#tickets || this.ticketAt(high) === ticket) return high;
    while (low < high) {
      const middle = low + ((high - low) >> 1);
      if (this.ticketAt(middle) < ticket) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  push(entry: Entry<T>): void {
    const place = this.#enter(entry.size);
    this.#items[place] = entry;
    this.#sizes[place] = ENTRY;
  }

  /** As `push`, for a chunk without a time. */
  pushBare(chunk: T, size: number): void {
    const place = this.#enter(size);
    this.#items[place] = chunk;
    this.#sizes[place] = size;
  }

  /** Takes out the first for a bare chunk behind the last, provided that they weigh the same. */
  cycle(chunk: T, size: number): boolean {
    const oldest = this.#place(this.#first);
    if (this.#sizes[oldest] !== size) return false;
    const place = this.#place(this.#next);
    this.#items[oldest] = undefined;
    this.#items[place] = chunk;
    this.#sizes[place] = size;
    if (this.#tickets) this.#tickets[place] = this.nextTicket;
    this.#first++;
    this.#next++;
    return true;
  }

  shift(): Entry<T> {
    const entry = this.at(this.#first);
    this.discard();
    return entry;
  }

  /** Takes out the first, which nobody looks at; gives its size. */
  discard(): number {
    const place = this.#place(this.#first++);
    const size = this.#sizeIn(place);
    this.#items[place] = undefined;
    this.#subtract(size);
    return size;
  }

  /** Takes out one that is there; those behind it move down, unless it is the first. */
  remove(position: number): void {
    if (position === this.#first) {
      this.discard();
      return;
    }
    const size = this.#sizeIn(this.#place(position));
    this.#writeTickets();
    if (position - this.#first < this.#next - position) {
      // What is before it moves by a place, being less; all before it keep their positions.
      for (let from = position - 1; from >= this.#first; from--) this.#copy(from, from + 1);
      this.#items[this.#place(this.#first)] = undefined;
      this.#slip++;
    } else {
      for (let from = position + 1; from < this.#next; from++) this.#copy(from, from - 1);
      this.#items[this.#place(this.#next - 1)] = undefined;
    }
    this.#next--;
    this.#ahead++;
    this.#subtract(size);
  }

  /** Puts `entry` in a place, where it gets the ticket of what was there; gives that. */
  replace(position: number, entry: Entry<T>): Entry<T> {
    const old = this.at(position);
    const place = this.#place(position);
    this.#items[place] = entry;
    this.#sizes[place] = ENTRY;
    this.#size += entry.size - old.size;
    return old;
  }

  /** Takes out what `matches`, which may look at `length` and `size`; the others move down. */
  takeOut(matches: (entry: Entry<T>, position: number, ticket: number) => boolean): void {
    this.#writeTickets();
    const end = this.#next;
    let position = this.#first;
    let kept = position;
    try {
      for (; position < end; position++) {
        const place = this.#place(position);
        const entry = this.#entryIn(place);
        if (matches(entry, position, this.#tickets?.[place] as number)) {
          this.#next--;
          this.#ahead++;
          this.#subtract(entry.size);
        } else this.#copy(position, kept++);
      }
    } finally {
      // There is more to keep when `matches` threw.
      for (; position < end; position++) this.#copy(position, kept++);
      for (; kept < end; kept++) this.#items[this.#place(kept)] = undefined;
    }
  }

  #place(position: number): number {
    return (position + this.#slip) & (this.#sizes.length - 1);
  }

  #sizeIn(place: number): number {
    const size = this.#sizes[place] as number;
    return size === ENTRY ? (this.#items[place] as Entry<T>).size : size;
  }

  #entryIn(place: number): Entry<T> {
    const item = this.#items[place];
    const size = this.#sizes[place] as number;
    return size === ENTRY ? (item as Entry<T>) : { chunk: item as T, size, time: NaN };
  }

  /** Makes the place behind the last, for something of `size`. */
  #enter(size: number): number {
    if (this.length === this.#sizes.length) this.#grow();
    const place = this.#place(this.#next);
    if (this.#tickets) this.#tickets[place] = this.nextTicket;
    this.#size += size;
    this.#next++;
    return place;
  }

  #copy(from: number, to: number): void {
    const source = this.#place(from);
    const target = this.#place(to);
    this.#items[target] = this.#items[source];
    this.#sizes[target] = this.#sizes[source] as number;
    if (this.#tickets) this.#tickets[target] = this.#tickets[source] as number;
  }

  #subtract(size: number): void {
    // Sums of fractions drift; nothing weighs nothing.
    this.#size = this.length === 0 ? 0 : this.#size - size;
  }

  /** From now on tickets are no longer positions. */
  #writeTickets(): void {
    if (this.#tickets) return;
    const tickets = this.#sizes.map(() => 0);
    for (let position = this.#first; position < this.#next; position++) {
      tickets[this.#place(position)] = this.ticketAt(position);
    }
    this.#tickets = tickets;
  }

  #check(position: number): void {
    if (position >= this.#first && position < this.#next) return;
    throw new RangeError(
      `Cannot look at position ${position}: queued are ${this.#first} to ${this.#next - 1}`,
    );
  }

  #grow(): void {
    const start = this.#place(this.#first);
    const unroll = <V>(ring: V[]): V[] => [...ring.slice(start), ...ring.slice(0, start)];
    // What the longer arrays hold behind the line is written over before it is read.
    const twice = (ring: number[]): number[] => [...unroll(ring), ...ring];
    this.#items = [...unroll(this.#items), ...Array.from<undefined>({ length: this.length })];
    this.#sizes = twice(this.#sizes);
    if (this.#tickets) this.#tickets = twice(this.#tickets);
    this.#slip = -this.#first;
  }
}
