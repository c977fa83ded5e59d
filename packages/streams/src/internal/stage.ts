import { usePump } from "./use-pump.ts";
import type { DropReason } from "../policy.ts";
import { SizedFifo } from "./fifo.ts";
import { EMPTY, type Relay, type Sink, type Source, type Stepper } from "./protocol.ts";
import { ReadableEnd } from "./readable-end.ts";
import { checkStrategy } from "./strategy.ts";
import { WritableEnd } from "./writable-end.ts";

/** The standard strategies, as of a `TransformStream`. */
export interface StageOptions<In, Out> {
  /**
   * What may wait in front of the stage.
   *
   * @defaultValue one chunk
   */
  readonly writableStrategy?: QueuingStrategy<In> | undefined;
  /**
   * What may wait behind the stage before anyone asks for it.
   *
   * @defaultValue nothing
   */
  readonly readableStrategy?: QueuingStrategy<Out> | undefined;
}

/** A TransformStream-shaped pair. */
export interface Stage<In, Out> {
  readonly readable: ReadableStream<Out>;
  readonly writable: WritableStream<In>;
}

/** What a stage does with chunks; what it throws errors both sides. */
export interface StageLogic<In, Out> {
  /** As {@link Sink.put}. */
  put(chunk: In): boolean | Promise<void>;
  /** What `put()` does with a chunk that is wanted, where it does no more than emit what comes of it. */
  readonly stepper?: Stepper<In, Out>;
  /** The consumer asks and nothing waits: emits one chunk, or none. */
  pull?(): void;
  /** Whether `pull()` has more to emit; a stage that was closed stays open until it has not. */
  holds?(): boolean;
  /** The input is at its end. */
  flush?(): void | Promise<void>;
  /** The stage has ended, `"closed"`, `"aborted"` or `"cancelled"`: timers go. Does not throw. */
  dispose?(why: DropReason): void;
}

/** What the logic of a stage works with. */
export interface StageOutput<Out> {
  /** Whether the consumer wants a chunk. A stage that makes one for each should wait for it. */
  readonly isWanted: boolean;
  /** Milliseconds until what is emitted now arrives where its age counts. */
  readonly transitMs: number;
  /** Hands a chunk on; never waits. Throws what a strategy's `size` throws, for the logic to do so. */
  emit(chunk: Out): void;
  /** `pull()` has something to emit. */
  offer(): void;
  /** The logic has room again. */
  wake(): void;
  /** Errors both sides. */
  fail(reason: unknown): void;
}

/** Makes a pair of ends around `logic`, which sees to nothing but its chunks. */
export function stage<In, Out>(
  options: StageOptions<In, Out>,
  logic: (output: StageOutput<Out>) => StageLogic<In, Out>,
): Stage<In, Out> {
  usePump();
  const core = new StageCore<In, Out>(options, logic);
  return { readable: core.readable.stream, writable: core.writable.stream };
}

class StageCore<In, Out> implements Source<Out>, Sink<In>, StageOutput<Out> {
  readonly isPushing = true;
  readonly relay: Relay | undefined;
  readonly stepper: Stepper<In, Out> | undefined;
  readonly readable: ReadableEnd<Out>;
  readonly writable: WritableEnd<In>;
  readonly #logic: StageLogic<In, Out>;
  readonly #mark: number;
  readonly #measure: ((chunk: Out) => number) | undefined;
  readonly #queue = new SizedFifo<Out>();
  /** What is emitted while the consumer asks is given as the answer. */
  #isPulling = false;
  /** What is emitted while a chunk is given comes after it. */
  #isGiving = false;
  #state: "open" | "ending" | "done" = "open";

  constructor(
    options: StageOptions<In, Out>,
    logic: (output: StageOutput<Out>) => StageLogic<In, Out>,
  ) {
    const strategy = checkStrategy("readableStrategy", options.readableStrategy, 0);
    this.#mark = strategy.highWaterMark;
    this.#measure = strategy.size;
    const { highWaterMark, size } = checkStrategy("writableStrategy", options.writableStrategy, 1);
    this.readable = new ReadableEnd<Out>(this);
    this.writable = new WritableEnd<In>(this, { highWaterMark, size: size && this.#guard(size) });
    this.#logic = logic(this);
    this.stepper = this.#logic.stepper;
    this.relay = this.stepper && (this as unknown as Relay);
  }

  /** Whether no chunk is on its way through. */
  get isIdle(): boolean {
    const isClear = this.#queue.length === 0 && !this.#isGiving;
    return isClear && this.stepper?.isIdle === true;
  }

  get isWanted(): boolean {
    return this.hasRoom || (this.#queue.length === 0 && this.readable.isWanted);
  }

  get transitMs(): number {
    return this.readable.transitMs;
  }

  get hasRoom(): boolean {
    return this.#queue.size < this.#mark;
  }

  put(chunk: In): boolean | Promise<void> {
    try {
      return this.#logic.put(chunk);
    } catch (error) {
      this.fail(error);
      return Promise.reject(error);
    }
  }

  take(): Out | typeof EMPTY {
    if (this.#queue.length === 0) this.#pull();
    if (this.#queue.length === 0) {
      this.writable.wake();
      this.#pull();
    }
    // What came was perhaps pushed, and all that is wanted.
    const isGiving = this.#queue.length > 0 && this.readable.isWanted;
    const chunk = isGiving ? this.#queue.shift() : EMPTY;
    if (this.hasRoom) {
      this.#fill();
      // What comes now is not to overtake the chunk that is being given.
      this.#isGiving = isGiving;
      this.writable.wake();
      this.#isGiving = false;
    }
    if (this.#state === "ending") this.#closeWhenEmpty();
    return chunk;
  }

  emit(chunk: Out): void {
    const isAnswer = this.#isPulling || this.#isGiving;
    if (!isAnswer && this.#queue.length === 0 && this.readable.push(chunk)) return;
    if (this.#state === "done") return;
    this.#push(chunk);
    if (!isAnswer) this.readable.wake();
  }

  offer(): void {
    this.#fill();
    this.readable.wake();
  }

  wake(): void {
    this.writable.wake();
  }

  close(): void | Promise<void> {
    try {
      const flushed = this.#logic.flush?.();
      if (flushed) return flushed.then(() => this.#end());
    } catch (error) {
      this.fail(error);
      throw error;
    }
    this.#end();
    return undefined;
  }

  cancel(reason: unknown): void {
    this.#fail(reason, "cancelled");
  }

  abort(reason: unknown): void {
    this.#fail(reason, "aborted");
  }

  fail(reason: unknown): void {
    this.#fail(reason, "closed");
  }

  /** The platform errors the writable alone when its size throws, and readers wait for ever. */
  #guard(size: (chunk: In) => number): (chunk: In) => number {
    return (chunk) => {
      try {
        return size(chunk);
      } catch (error) {
        this.fail(error);
        throw error;
      }
    };
  }

  /** Asks the logic for a chunk. */
  #pull(): void {
    if (!this.#logic.pull || this.#isPulling || this.#state === "done") return;
    this.#isPulling = true;
    try {
      this.#logic.pull();
    } catch (error) {
      this.fail(error);
    }
    this.#isPulling = false;
  }

  /** Has the strategy's mark reached, as far as there are chunks. */
  #fill(): void {
    while (this.hasRoom) {
      const { length } = this.#queue;
      this.#pull();
      if (this.#queue.length === length) return;
    }
  }

  #push(chunk: Out): void {
    this.#queue.push(chunk, this.#measure ? this.#measure(chunk) : 1);
  }

  #end(): void {
    if (this.#state === "done") return;
    this.#state = "ending";
    if (this.#logic.holds?.()) this.offer();
    this.#closeWhenEmpty();
  }

  #closeWhenEmpty(): void {
    if (this.#state === "done" || this.#queue.length > 0 || this.#logic.holds?.()) return;
    this.#state = "done";
    this.readable.close();
    this.#logic.dispose?.("closed");
  }

  /** The side that the failure came from has ended already and stays so. */
  #fail(reason: unknown, why: DropReason): void {
    if (this.#state === "done") return;
    this.#state = "done";
    this.#queue.clear();
    this.readable.error(reason);
    this.writable.error(reason);
    this.#logic.dispose?.(why);
  }
}
