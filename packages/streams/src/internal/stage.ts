import { Fifo } from "./fifo.ts";
import { EMPTY, type Sink, type Source } from "./protocol.ts";
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
export interface StageLogic<In> {
  /** As {@link Sink.put}. */
  put(chunk: In): boolean | Promise<void>;
  /** The input is at its end: emits what is left. */
  flush?(): void | Promise<void>;
  /** The stage has ended, one way or another: timers go. */
  dispose?(): void;
}

/** What the logic of a stage works with. */
export interface StageOutput<Out> {
  /** Whether the consumer wants a chunk. A stage that makes one for each should wait for it. */
  readonly isWanted: boolean;
  /** Hands a chunk on; never waits. */
  emit(chunk: Out): void;
  /** The logic has room again. */
  wake(): void;
  /** Errors both sides. */
  fail(reason: unknown): void;
}

/** Makes a pair of ends around `logic`, which sees to nothing but its chunks. */
export function stage<In, Out>(
  options: StageOptions<In, Out>,
  logic: (output: StageOutput<Out>) => StageLogic<In>,
): Stage<In, Out> {
  const core = new StageCore<In, Out>(options, logic);
  return { readable: core.readable.stream, writable: core.writable.stream };
}

class StageCore<In, Out> implements Source<Out>, Sink<In>, StageOutput<Out> {
  readonly readable: ReadableEnd<Out>;
  readonly writable: WritableEnd<In>;
  readonly #logic: StageLogic<In>;
  readonly #mark: number;
  readonly #measure: ((chunk: Out) => number) | undefined;
  readonly #queue = new Fifo<Out>();
  readonly #sizes = new Fifo<number>();
  #size = 0;
  #state: "open" | "ending" | "done" = "open";

  constructor(options: StageOptions<In, Out>, logic: (output: StageOutput<Out>) => StageLogic<In>) {
    const strategy = checkStrategy("readableStrategy", options.readableStrategy, 0);
    this.#mark = strategy.highWaterMark;
    this.#measure = strategy.size;
    this.readable = new ReadableEnd<Out>(this);
    this.writable = new WritableEnd<In>(this, options.writableStrategy);
    this.#logic = logic(this);
  }

  get isWanted(): boolean {
    if (this.#size < this.#mark) return true;
    return this.#queue.length === 0 && this.readable.isWanted;
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
    if (this.#queue.length === 0) this.writable.wake();
    if (this.#queue.length === 0) return EMPTY;
    const chunk = this.#shift();
    if (this.#state === "ending") this.#closeWhenEmpty();
    else if (this.#size < this.#mark) this.writable.wake();
    return chunk;
  }

  emit(chunk: Out): void {
    if (this.#state === "done" || (this.#queue.length === 0 && this.readable.push(chunk))) return;
    this.#push(chunk);
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
    this.fail(reason);
  }

  abort(reason: unknown): void {
    this.fail(reason);
  }

  /** The side that the failure came from has ended already and stays so. */
  fail(reason: unknown): void {
    if (this.#state === "done") return;
    this.#finish();
    this.readable.error(reason);
    this.writable.error(reason);
  }

  #push(chunk: Out): void {
    let size = 1;
    if (this.#measure) {
      try {
        size = this.#measure(chunk);
      } catch (error) {
        this.fail(error);
        return;
      }
      this.#sizes.push(size);
    }
    this.#queue.push(chunk);
    this.#size += size;
  }

  #shift(): Out {
    const size = this.#measure ? this.#sizes.shift() : 1;
    const chunk = this.#queue.shift();
    // Sums of fractions drift; nothing weighs nothing.
    this.#size = this.#queue.length === 0 ? 0 : this.#size - size;
    return chunk;
  }

  #end(): void {
    if (this.#state === "done") return;
    this.#state = "ending";
    this.#closeWhenEmpty();
  }

  #closeWhenEmpty(): void {
    if (this.#queue.length > 0) return;
    this.#finish();
    this.readable.close();
  }

  #finish(): void {
    this.#state = "done";
    this.#queue.clear();
    this.#sizes.clear();
    this.#logic.dispose?.();
  }
}
