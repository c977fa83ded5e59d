import { SpillwayError } from "./errors.ts";
import { checkFunction, checkNumber, wrongType } from "./options.ts";
import type {
  Admission,
  DropReason,
  Entry,
  OverflowPolicy,
  PolicyQueue,
  Verdict,
} from "./policy.ts";

/** How {@link keyframes} tells the kinds of chunk apart, and how much media time may wait. */
export interface KeyframesOptions<T> {
  /** Whether a picture can be decoded by itself. */
  readonly isKey: (chunk: T) => boolean;
  /** Whether no other picture refers to this one (a temporal layer, a non-reference frame). */
  readonly isDroppable?: ((chunk: T) => boolean) | undefined;
  /** Whether the chunk must never be dropped, however old: a configuration record, audio. */
  readonly isRequired?: ((chunk: T) => boolean) | undefined;
  /**
   * The time of a picture in its medium, in milliseconds and in decoding order. With it the queue is
   * bounded in media time as well: by `maxDroppableSpanMs` and `maxSpanMs`, each the time from the
   * oldest picture that waits to the incoming one.
   */
  readonly mediaTimeMs?: ((chunk: T) => number) | undefined;
  /**
   * Milliseconds of media time above which droppable pictures are dropped.
   *
   * @defaultValue `700` with `mediaTimeMs`, or `maxSpanMs` where that is less
   */
  readonly maxDroppableSpanMs?: number | undefined;
  /**
   * Milliseconds of media time above which every picture up to the next keyframe is dropped.
   * Keyframes and required chunks never are because of it.
   *
   * @defaultValue `900` with `mediaTimeMs`
   */
  readonly maxSpanMs?: number | undefined;
}

/**
 * The overflow policy for encoded video: what it lets through can always be decoded.
 *
 * Backpressure: never waits. Droppable pictures go first, then whole groups of pictures, oldest
 * first; when only the current group is left the incoming picture is refused and with it every
 * picture up to the next keyframe. For a required chunk the current group gives way from its end, its
 * keyframe last. A keyframe larger than the bound enters when nothing or only required chunks wait,
 * and these may stand beside it as if it were not there: the queue then holds one keyframe more than
 * its size allows, never more chunks. A queue full of required chunks errors the stream with
 * `SPW_ERR_OVERFLOW`.
 *
 * @param options - how to tell the kinds of chunk apart, how much media time may wait
 * @returns a policy for `overflow`, usable on any number of queues
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { bounded, keyframes } from "@spillway/streams";
 *
 * const { readable, writable } = bounded<EncodedVideoChunk>({
 *   highWaterMark: 256 * 1024,
 *   size: (chunk) => chunk.byteLength,
 *   overflow: keyframes({
 *     isKey: (chunk) => chunk.type === "key",
 *     mediaTimeMs: (chunk) => chunk.timestamp / 1_000,
 *     maxSpanMs: 500,
 *   }),
 * });
 * ```
 */
export function keyframes<T>(options: KeyframesOptions<T>): OverflowPolicy<T> {
  if (typeof options?.isKey !== "function") {
    throw wrongType("isKey", "a function", options?.isKey);
  }
  checkFunction("isDroppable", options.isDroppable);
  checkFunction("isRequired", options.isRequired);
  checkFunction("mediaTimeMs", options.mediaTimeMs);
  for (const name of ["maxDroppableSpanMs", "maxSpanMs"] as const) {
    if (options[name] === undefined || options.mediaTimeMs) continue;
    throw wrongType("mediaTimeMs", `a function with ${name}`, options.mediaTimeMs);
  }
  const { maxSpanMs, maxDroppableSpanMs } = options;
  const span = checkNumber("maxSpanMs", maxSpanMs, 900, { min: Number.MIN_VALUE });
  const droppable = checkNumber("maxDroppableSpanMs", maxDroppableSpanMs, Math.min(700, span), {
    min: 0,
    max: span,
  });
  return {
    name: "keyframes",
    start: (queue) =>
      new Pictures(queue, { ...options, maxSpanMs: span, maxDroppableSpanMs: droppable }),
  };
}

class Pictures<T> implements Admission<T> {
  readonly #queue: PolicyQueue<T>;
  readonly #options: KeyframesOptions<T>;
  readonly #maxSpanMs: number;
  readonly #maxDroppableSpanMs: number;
  /** The tickets of the keyframes and of the droppable pictures that wait: nobody looks for them. */
  readonly #keys: number[] = [];
  readonly #droppables: number[] = [];
  /** True while incoming deltas refer to a picture that the consumer will not get. */
  #awaitsKey = true;
  #leftDroppable = false;

  constructor(
    queue: PolicyQueue<T>,
    options: KeyframesOptions<T> & { maxSpanMs: number; maxDroppableSpanMs: number },
  ) {
    this.#queue = queue;
    this.#options = options;
    this.#maxSpanMs = options.maxSpanMs;
    this.#maxDroppableSpanMs = options.maxDroppableSpanMs;
  }

  admit(entry: Entry<T>): Verdict {
    const { chunk, size } = entry;
    const queue = this.#queue;
    if (this.keeps(entry)) return this.#admitRequired(size);
    const isKey = this.#options.isKey(chunk);
    const isDroppable = !isKey && (this.#options.isDroppable?.(chunk) ?? false);
    const mediaTimeMs = this.#timeOf(chunk);
    if (!isKey && this.#awaitsKey) return queue.refuse(entry, "keyframe");
    const isLong = this.#shorten(mediaTimeMs);
    if (!isKey && this.#awaitsKey) return queue.refuse(entry, "span");
    if (isDroppable) {
      if (isLong || !queue.fits(size)) return queue.refuse(entry, "droppable");
      this.#droppables.push(queue.nextTicket);
      return "queue";
    }
    this.#makeRoom(size);
    if (isKey) {
      // A keyframe is worth more than what is left of the group before it, and it may be too large.
      if (!queue.fits(size)) this.#dropPictures(queue.next, "group");
      this.#awaitsKey = queue.length >= queue.maxChunks;
      if (!this.#awaitsKey) this.#keys.push(queue.nextTicket);
    } else this.#awaitsKey = !queue.fits(size);
    return this.#awaitsKey ? queue.refuse(entry, "newest") : "queue";
  }

  keeps({ chunk }: Entry<T>): boolean {
    return this.#options.isRequired?.(chunk) ?? false;
  }

  left(_: Entry<T>, ticket: number): void {
    this.#leftDroppable = takeOut(this.#droppables, ticket);
    if (!this.#leftDroppable) takeOut(this.#keys, ticket);
  }

  /** What refers to a lost picture, or to one that does, is lost with it. */
  lost(): void {
    if (this.#leftDroppable) return;
    const key = this.#keys[0];
    this.#dropPictures(key === undefined ? this.#queue.next : this.#queue.find(key), "keyframe");
    this.#awaitsKey ||= key === undefined;
  }

  #admitRequired(size: number): Verdict {
    const queue = this.#queue;
    this.#makeRoom(size);
    const key = this.#keys[0];
    const keyAt = key === undefined ? -1 : queue.find(key);
    for (let position = queue.next - 1; position >= queue.first && !queue.fits(size); position--) {
      if (position === keyAt) break;
      if (this.keeps(queue.at(position))) continue;
      queue.dropAt(position, "group");
      this.#awaitsKey = true;
    }
    if (queue.fits(size)) return "queue";
    if (keyAt < 0) return "overflow";
    // Apart from required chunks only a keyframe waits, and without it nothing could be decoded.
    const rest = queue.length === 1 ? 0 : queue.size - queue.at(keyAt).size + size;
    if (rest > queue.maxSize) return "overflow";
    if (queue.length > 1 && queue.length < queue.maxChunks) return "queue";
    queue.dropAt(keyAt, "group");
    this.#awaitsKey = true;
    return "queue";
  }

  #makeRoom(size: number): void {
    const queue = this.#queue;
    while (!queue.fits(size) && this.#droppables.length > 0) this.#dropDroppable();
    while (!queue.fits(size)) {
      // A group is old when another begins behind it; of the first its keyframe may have left.
      const first = this.#keys[0];
      if (first === undefined) return;
      const end = this.#isFirstPicture(first) ? this.#keys[1] : first;
      if (end === undefined) return;
      this.#dropPictures(queue.find(end), "group");
    }
  }

  #isFirstPicture(ticket: number): boolean {
    return this.#firstPicture() === this.#queue.find(ticket);
  }

  /** Where the first picture waits; `next` when none does. */
  #firstPicture(): number {
    let position = this.#queue.first;
    while (position < this.#queue.next && this.keeps(this.#queue.at(position))) position++;
    return position;
  }

  /** Drops all pictures before `end`; required chunks stay. */
  #dropPictures(end: number, reason: DropReason): void {
    const queue = this.#queue;
    let position = queue.first;
    for (let count = end - position; count > 0; count--) {
      if (this.keeps(queue.at(position))) position++;
      else queue.dropAt(position, reason);
      position = Math.max(position, queue.first);
    }
  }

  #dropDroppable(): void {
    this.#queue.dropAt(this.#queue.find(this.#droppables[0] as number), "droppable");
  }

  /** Drops what waits for too long a media time. @returns whether droppable pictures still do */
  #shorten(mediaTimeMs: number): boolean {
    if (!this.#options.mediaTimeMs) return false;
    if (this.#spanTo(mediaTimeMs) > this.#maxDroppableSpanMs) {
      while (this.#droppables.length > 0) this.#dropDroppable();
    }
    if (this.#spanTo(mediaTimeMs) > this.#maxSpanMs) {
      const keys = new Set(this.#keys.map((ticket) => this.#queue.find(ticket)));
      this.#queue.dropWhere("span", (entry, position) => !keys.has(position) && !this.keeps(entry));
      this.#awaitsKey = true;
    }
    return this.#spanTo(mediaTimeMs) > this.#maxDroppableSpanMs;
  }

  #spanTo(mediaTimeMs: number): number {
    const position = this.#firstPicture();
    if (position === this.#queue.next) return 0;
    return mediaTimeMs - this.#timeOf(this.#queue.at(position).chunk);
  }

  /** `NaN` without media times. */
  #timeOf(chunk: T): number {
    if (!this.#options.mediaTimeMs) return NaN;
    const time = this.#options.mediaTimeMs(chunk);
    if (Number.isFinite(time)) return time;
    const given = String(time);
    throw new SpillwayError("SPW_ERR_CHUNK", `Cannot queue chunk: mediaTimeMs() gave ${given}`);
  }
}

/** Tickets leave from the front, unless somebody drops from the middle. @returns whether it was there */
function takeOut(tickets: number[], ticket: number): boolean {
  const first = tickets[0];
  if (first === undefined || ticket < first) return false;
  if (first === ticket) {
    tickets.shift();
    return true;
  }
  const index = tickets.indexOf(ticket);
  if (index >= 0) tickets.splice(index, 1);
  return index >= 0;
}
