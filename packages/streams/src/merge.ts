import { Fifo } from "./internal/fifo.ts";
import { EMPTY, type Sink, type Source } from "./internal/protocol.ts";
import { usePump } from "./internal/use-pump.ts";
import { ReadableEnd } from "./internal/readable-end.ts";
import { checkStrategy, type Strategy } from "./internal/strategy.ts";
import { WritableEnd } from "./internal/writable-end.ts";
import { checkFunction, checkNumber, outOfRange, wrongType } from "./options.ts";

/** How {@link merge} chooses among sources that have a chunk. */
export interface MergeOptions<S extends ReadableStream<unknown>> {
  /**
   * The priority of a source, asked once: a finite number. Chunks of a higher one go first.
   *
   * @defaultValue 0 for every source
   */
  readonly priority?: ((source: S, index: number) => number) | undefined;
  /**
   * Chunks in a row that may overtake a chunk of lower priority that has waited longer; then that one
   * goes. So no source starves: of `n` sources, each that has a chunk gets one through in
   * `n * (maxSkips + 1)`.
   *
   * @defaultValue `16`
   */
  readonly maxSkips?: number | undefined;
  /**
   * What may wait of each source.
   *
   * @defaultValue one chunk
   */
  readonly writableStrategy?: QueuingStrategy<ChunkOf<S>> | undefined;
}

/** The chunks of a stream. */
export type ChunkOf<S extends ReadableStream<unknown>> =
  S extends ReadableStream<infer T> ? T : never;

/**
 * Joins streams into one: in turn among those that have a chunk, or by priority. It closes when all
 * have closed; when one errors it errors with the same reason and cancels the others with it.
 *
 * Backpressure: takes a chunk from a source when the consumer wants one and it is that source's turn;
 * besides, one chunk of each source waits (or what `writableStrategy` says). Nothing is dropped, and
 * nothing waits behind the merge, so there is no `readableStrategy`. Cancelling cancels every source.
 *
 * @param sources - the streams, which stay locked until they end
 * @param options - priorities, and what may wait of a source
 * @returns the stream of all their chunks
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`, before any source is locked
 *
 * @example
 * ```ts
 * import { fromIterable, merge } from "@spillway/streams";
 *
 * const alarms = fromIterable(["fire"]);
 * const readings = fromIterable([20.5, 20.7, 20.6]);
 * const merged = merge([readings, alarms], { priority: (source) => (source === alarms ? 1 : 0) });
 * for await (const chunk of merged) console.log(chunk); // a string or a number
 * ```
 */
export function merge<S extends ReadableStream<unknown>>(
  sources: Iterable<S>,
  options: MergeOptions<S> = {},
): ReadableStream<ChunkOf<S>> {
  usePump();
  const streams = checkSources(sources);
  const priority = checkFunction("priority", options.priority);
  const maxSkips = checkNumber("maxSkips", options.maxSkips, 16, { min: 0, integer: true });
  const priorities = streams.map((source, index) =>
    checkNumber("priority", priority?.(source, index), 0, finite),
  );
  const strategy = checkStrategy("writableStrategy", options.writableStrategy, 1);
  const core = new MergeCore<ChunkOf<S>>(priorities, maxSkips, strategy);
  for (const [index, source] of streams.entries()) core.join(source, index);
  return core.readable.stream;
}

const finite = { min: -Number.MAX_VALUE, max: Number.MAX_VALUE };

function checkSources<S extends ReadableStream<unknown>>(sources: Iterable<S>): readonly S[] {
  if (typeof (sources as Partial<Iterable<S>> | undefined)?.[Symbol.iterator] !== "function") {
    throw wrongType("sources", "an iterable of readable streams", sources);
  }
  const streams = new Set<S>();
  for (const stream of sources) {
    const name = `sources[${streams.size}]`;
    if (!(stream instanceof ReadableStream)) throw wrongType(name, "a readable stream", stream);
    if (stream.locked) throw outOfRange(name, "a stream that is not locked", "locked");
    if (streams.has(stream)) throw outOfRange(name, "each stream once", "a stream twice");
    streams.add(stream);
  }
  return [...streams];
}

class MergeCore<T> implements Source<T> {
  readonly readable: ReadableEnd<T>;
  readonly #lanes: readonly Lane<T>[];
  /** The lanes that have a chunk, by falling priority, each level in the order they got it. */
  readonly #levels: readonly Fifo<Lane<T>>[];
  readonly #pipes: Promise<void>[] = [];
  readonly #maxSkips: number;
  #skips = 0;
  #offers = 0;
  #running: number;
  #isDone = false;

  constructor(priorities: readonly number[], maxSkips: number, strategy: Strategy<T>) {
    const ranks = [...new Set(priorities)].sort((a, b) => b - a);
    const levels = new Map(ranks.map((rank) => [rank, new Fifo<Lane<T>>()]));
    this.#levels = [...levels.values()];
    this.#lanes = priorities.map((priority) => {
      return new Lane<T>(this, levels.get(priority) as Fifo<Lane<T>>, strategy);
    });
    this.#maxSkips = maxSkips;
    this.#running = this.#lanes.length;
    this.readable = new ReadableEnd<T>(this);
    if (this.#running === 0) this.readable.close();
  }

  join(source: ReadableStream<unknown>, index: number): void {
    const { end } = this.#lanes[index] as Lane<T>;
    const pipe = (source as ReadableStream<T>).pipeTo(end.stream);
    pipe.catch((reason: unknown) => this.fail(reason));
    this.#pipes.push(pipe);
  }

  /** A chunk waits in `lane`. */
  offer(lane: Lane<T>): void {
    lane.since = this.#offers++;
    lane.level.push(lane);
    this.readable.wake();
  }

  take(): T | typeof EMPTY {
    for (let lane = this.#next(); lane; lane = this.#next()) {
      const chunk = lane.give();
      if (chunk !== EMPTY) return chunk;
    }
    return EMPTY;
  }

  /** A source has closed, and all it gave was taken. */
  closed(): void {
    if (--this.#running > 0 || this.#isDone) return;
    this.#isDone = true;
    this.readable.close();
  }

  async cancel(reason: unknown): Promise<void> {
    this.fail(reason);
    const ended = await Promise.allSettled(this.#pipes);
    for (const pipe of ended) {
      // A source that could not be cancelled has a reason of its own.
      if (pipe.status === "rejected" && !Object.is(pipe.reason, reason)) throw pipe.reason;
    }
  }

  fail(reason: unknown): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.readable.error(reason);
    for (const { end } of this.#lanes) end.error(reason);
  }

  #next(): Lane<T> | undefined {
    let highest: Fifo<Lane<T>> | undefined;
    let oldest: Fifo<Lane<T>> | undefined;
    for (const level of this.#levels) {
      if (level.length === 0) continue;
      highest ??= level;
      if (!oldest || level.front.since < oldest.front.since) oldest = level;
    }
    if (!highest || !oldest) return undefined;
    if (highest !== oldest && this.#skips < this.#maxSkips) {
      this.#skips++;
      return highest.shift();
    }
    this.#skips = 0;
    return oldest.shift();
  }
}

/** Where one source is piped into; its chunk waits in the pipe, not here. */
class Lane<T> implements Sink<T> {
  readonly end: WritableEnd<T>;
  readonly level: Fifo<Lane<T>>;
  /** The number of its offer. */
  since = 0;
  readonly #core: MergeCore<T>;
  #state: "idle" | "waiting" | "giving" = "idle";
  /** The chunk of a `put()` that is under way. */
  #offered: T | typeof EMPTY = EMPTY;
  #given: T | typeof EMPTY = EMPTY;

  constructor(core: MergeCore<T>, level: Fifo<Lane<T>>, strategy: Strategy<T>) {
    this.#core = core;
    this.level = level;
    this.end = new WritableEnd<T>(this, strategy);
  }

  put(chunk: T): boolean {
    if (this.#state === "waiting") return false;
    if (this.#state === "giving") {
      this.#state = "idle";
      this.#given = chunk;
      return true;
    }
    this.#offered = chunk;
    this.#core.offer(this);
    // A pipe that is at work here cannot be woken; it learns by the answer that the chunk was taken.
    if (this.#offered === EMPTY) return true;
    this.#offered = EMPTY;
    this.#state = "waiting";
    return false;
  }

  /** Its turn has come; `EMPTY` where its pipe has ended, or hands over later. */
  give(): T | typeof EMPTY {
    const offered = this.#offered;
    this.#offered = EMPTY;
    if (offered !== EMPTY) return offered;
    this.#state = "giving";
    this.end.wake();
    if (this.#isGiving) this.#state = "idle";
    const given = this.#given;
    this.#given = EMPTY;
    return given;
  }

  close(): void {
    this.#core.closed();
  }

  abort(reason: unknown): void {
    this.#core.fail(reason);
  }

  get #isGiving(): boolean {
    return this.#state === "giving";
  }
}
