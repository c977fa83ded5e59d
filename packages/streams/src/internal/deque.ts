import type { Entry } from "../policy.ts";

/**
 * Entries in line. A position counts from the front and moves down when something before it is taken
 * out of the middle; a ticket stays with its entry. Tickets rise along the line.
 */
export class Deque<T> {
  // Both a power of two long. The place of a position is the low bits of position + `#slip`.
  #entries: (Entry<T> | undefined)[] = Array.from({ length: 8 });
  #tickets: number[] = [0, 0, 0, 0, 0, 0, 0, 0];
  /** How far tickets are ahead of positions at the end of the line. */
  #ahead = 0;
  #slip = 0;
  #first = 0;
  #length = 0;
  #size = 0;

  get length(): number {
    return this.#length;
  }

  /** Sum of the sizes. */
  get size(): number {
    return this.#size;
  }

  get first(): number {
    return this.#first;
  }

  get next(): number {
    return this.#first + this.#length;
  }

  get nextTicket(): number {
    return this.next + this.#ahead;
  }

  at(position: number): Entry<T> {
    if (position >= this.#first && position < this.next) return this.#in(position);
    throw new RangeError(
      `Cannot use position ${position}: want ${this.#first} to ${this.next - 1}`,
    );
  }

  /** The ticket of what waits at `position`; behind the last, the one that is next. */
  ticketAt(position: number): number {
    if (position >= this.next) return position + this.#ahead;
    return this.#tickets[this.#place(position)] as number;
  }

  /** Where the entry with `ticket` waits; -1 when it has left. */
  find(ticket: number): number {
    const position = this.findFrom(ticket);
    return position < this.next && this.ticketAt(position) === ticket ? position : -1;
  }

  /** Where the first entry with `ticket` or a later one waits; `next` when none does. */
  findFrom(ticket: number): number {
    let low = this.#first;
    let high = Math.min(this.next, Math.max(low, ticket - this.ticketAt(low) + low));
    // Only an entry that something has left before stands nearer than its ticket says.
    if (this.ticketAt(high) === ticket) return high;
    while (low < high) {
      const middle = low + ((high - low) >> 1);
      if (this.ticketAt(middle) < ticket) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  push(entry: Entry<T>): void {
    if (this.#length === this.#entries.length) this.#grow();
    const place = this.#place(this.next);
    this.#entries[place] = entry;
    this.#tickets[place] = this.nextTicket;
    this.#size += entry.size;
    this.#length++;
  }

  /**
   * Makes the first entry the last, with `chunk` in it: making an entry costs as much as all the
   * rest. Only where nobody can have seen that entry, and only if `size` is its own.
   */
  cycle(chunk: T, size: number): boolean {
    const from = this.#place(this.#first);
    const entry = this.#entries[from] as { chunk: T; readonly size: number };
    if (entry.size !== size) return false;
    entry.chunk = chunk;
    const to = this.#place(this.next);
    // In a line as long as its bound both are one place.
    if (from !== to) {
      this.#entries[from] = undefined;
      this.#entries[to] = entry as Entry<T>;
    }
    this.#tickets[to] = this.nextTicket;
    this.#first++;
    return true;
  }

  /** Takes out one that is there; those behind it move down, unless it is the first. */
  remove(position: number): Entry<T> {
    const entry = this.at(position);
    let hole = position;
    if (position - this.#first < this.next - position) {
      // What is before it moves by a place, being less; all before it keep their positions.
      for (; hole > this.#first; hole--) this.#copy(hole - 1, hole);
    } else {
      for (; hole < this.next - 1; hole++) this.#copy(hole + 1, hole);
    }
    this.#entries[this.#place(hole)] = undefined;
    if (position === this.#first) {
      this.#first++;
      this.#length--;
    } else {
      if (hole === this.#first) this.#slip++;
      this.#shorten();
    }
    this.#subtract(entry.size);
    return entry;
  }

  /** Puts `entry` in a place, where it gets the ticket of what was there; gives that. */
  replace(position: number, entry: Entry<T>): Entry<T> {
    const old = this.at(position);
    this.#entries[this.#place(position)] = entry;
    this.#size += entry.size - old.size;
    return old;
  }

  /** Takes out what `matches`, which may look at `length` and `size`; the others move down. */
  takeOut(matches: (entry: Entry<T>, position: number, ticket: number) => boolean): void {
    const end = this.next;
    let position = this.#first;
    let kept = position;
    try {
      for (; position < end; position++) {
        const entry = this.#in(position);
        if (matches(entry, position, this.#tickets[this.#place(position)] as number)) {
          this.#shorten();
          this.#subtract(entry.size);
        } else this.#copy(position, kept++);
      }
    } finally {
      // There is more to keep when `matches` threw.
      for (; position < end; position++) this.#copy(position, kept++);
      for (; kept < end; kept++) this.#entries[this.#place(kept)] = undefined;
    }
  }

  #place(position: number): number {
    return (position + this.#slip) & (this.#entries.length - 1);
  }

  #in(position: number): Entry<T> {
    return this.#entries[this.#place(position)] as Entry<T>;
  }

  #copy(from: number, to: number): void {
    const source = this.#place(from);
    const target = this.#place(to);
    this.#entries[target] = this.#entries[source];
    this.#tickets[target] = this.#tickets[source] as number;
  }

  #shorten(): void {
    this.#length--;
    this.#ahead++;
  }

  #subtract(size: number): void {
    // Sums of fractions drift; nothing weighs nothing.
    this.#size = this.length === 0 ? 0 : this.#size - size;
  }

  #grow(): void {
    const start = this.#place(this.#first);
    const unroll = <V>(ring: V[], more: V[]): V[] =>
      ring.slice(start).concat(ring.slice(0, start), more);
    this.#entries = unroll(this.#entries, Array.from({ length: this.length }));
    // Those behind the line are written over before they are read.
    this.#tickets = unroll(this.#tickets, this.#tickets);
    this.#slip = -this.#first;
  }
}
