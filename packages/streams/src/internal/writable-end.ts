import { checkStrategy } from "./strategy.ts";
import type { Sink } from "./protocol.ts";
import type { Pump } from "./pump.ts";

interface Stalled<T> {
  readonly chunk: T;
  readonly resolve: (written?: Promise<void>) => void;
  readonly reject: (reason: unknown) => void;
}

/** A `WritableStream` in front of a {@link Sink}. */
export class WritableEnd<T> {
  readonly sink: Sink<T>;
  readonly stream: WritableStream<T>;
  /** What may wait in front of the sink, in the unit of `size`. */
  readonly highWaterMark: number;
  readonly #size: ((chunk: T) => number) | undefined;
  #controller!: WritableStreamDefaultController;
  #pump: Pump<T> | undefined;
  /** The native write in flight; only we can settle it, neither `abort()` nor `pipeTo` does. */
  #stalled: Stalled<T> | undefined;
  /** Gives up a write or a close that the sink took and has not finished. */
  #reject: ((reason: unknown) => void) | undefined;
  #aborted: void | PromiseLike<void> = undefined;
  #state: "writable" | "closing" | "closed" | "errored" = "writable";
  #reason: unknown;
  /** What a pump has to wait for: chunks in the native queue, a start that is not over. */
  #backlog = 0;

  /**
   * @param sink - where chunks go
   * @param strategy - what may wait in front of it; one chunk when it does not say
   * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
   */
  constructor(sink: Sink<T>, strategy?: QueuingStrategy<T>) {
    const { highWaterMark, size } = checkStrategy("writableStrategy", strategy, 1);
    this.sink = sink;
    this.highWaterMark = highWaterMark;
    this.#size = size;
    this.stream = new EndWritable<T>(
      this,
      {
        start: (controller) => {
          this.#controller = controller;
          const { signal } = controller;
          signal.addEventListener("abort", () => this.#abort(signal.reason), { once: true });
          return this.#start(signal);
        },
        write: (chunk) => this.#write(chunk),
        close: () => this.#close(),
        abort: () => this.#aborted,
      },
      { highWaterMark, size: (chunk) => this.#admit(chunk) },
    );
  }

  /** The end behind one of our writables. */
  static of<T>(stream: WritableStream<T>): WritableEnd<T> | undefined {
    return EndWritable.end(stream);
  }

  get state(): "writable" | "closing" | "closed" | "errored" {
    return this.#state;
  }

  /** Why it errored. */
  get reason(): unknown {
    return this.#reason;
  }

  /** What the native queue holds: chunks, and a start under way. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Whether chunks differ in size. */
  get isSized(): boolean {
    return this.#size !== undefined;
  }

  /** The size of a chunk by the strategy, for a pump; one that cannot be measured errors the end. */
  measure(chunk: T): number {
    if (!this.#size) return 1;
    try {
      return this.#size(chunk);
    } catch (error) {
      this.error(error);
      return 0;
    }
  }

  /** The sink has room again. */
  wake(): void {
    if (this.#pump && this.#backlog === 0) this.#pump.wakeSink();
    else this.#retry();
  }

  /** The sink failed; writers learn `reason` at once, whatever is in flight. */
  error(reason: unknown): void {
    if (this.#state === "errored" || this.#state === "closed") return;
    this.#fail(reason);
    this.#controller.error(reason);
    this.#pump?.sinkErrored(reason);
  }

  /** The producer called `close()`; nothing more can be written. */
  closing(): void {
    if (this.#state === "writable") this.#state = "closing";
  }

  /** A pump puts into the sink now, not the native queue. */
  attach(to: Pump<T> | undefined): void {
    this.#pump = to;
  }

  #start(signal: AbortSignal): Promise<void> | undefined {
    const started = this.sink.start?.({ signal, error: (reason) => this.error(reason) });
    if (!started) return undefined;
    this.#backlog++;
    return Promise.resolve(started).then(
      () => this.#settled(),
      (error: unknown) => {
        this.error(error);
        throw error;
      },
    );
  }

  #admit(chunk: T): number {
    const size = this.#size ? this.#size(chunk) : 1;
    this.#backlog++;
    return size;
  }

  #write(chunk: T): Promise<void> | undefined {
    const taken = this.sink.put(chunk);
    if (taken !== false) return this.#written(taken);
    if (this.#state === "errored") throw this.#reason;
    return new Promise((resolve, reject) => {
      this.#stalled = { chunk, resolve, reject };
    });
  }

  #retry(): void {
    const stalled = this.#stalled;
    if (!stalled) return;
    // Taken out first: the sink may wake us from within.
    this.#stalled = undefined;
    const taken = this.sink.put(stalled.chunk);
    if (taken !== false) stalled.resolve(this.#written(taken));
    else if (this.#state === "errored") stalled.reject(this.#reason);
    else this.#stalled = stalled;
  }

  #written(taken: true | Promise<void>): Promise<void> | undefined {
    if (taken !== true) return this.#inFlight(taken, () => this.#settled());
    this.#settled();
    return undefined;
  }

  #settled(): void {
    this.#backlog--;
    if (this.#backlog === 0) this.#pump?.wakeSink();
  }

  #close(): Promise<void> | undefined {
    this.#state = "closing";
    const closed = this.sink.close();
    if (!closed) {
      this.#state = "closed";
      return undefined;
    }
    return this.#inFlight(closed, () => {
      this.#state = "closed";
    });
  }

  /** Waits for the sink, but no longer once the stream has failed. */
  #inFlight(work: PromiseLike<void>, settled: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      void work.then(settled).then(resolve, reject);
    });
  }

  #abort(reason: unknown): void {
    if (this.#state === "errored") return;
    this.#fail(reason);
    this.#aborted = this.sink.abort(reason);
  }

  #fail(reason: unknown): void {
    this.#state = "errored";
    this.#reason = reason;
    this.#stalled?.reject(reason);
    this.#stalled = undefined;
    this.#reject?.(reason);
  }
}

class EndWritable<T> extends WritableStream<T> {
  readonly #end: WritableEnd<T>;

  constructor(end: WritableEnd<T>, sink: UnderlyingSink<T>, strategy: QueuingStrategy<T>) {
    super(sink, strategy);
    this.#end = end;
  }

  static end<T>(stream: WritableStream<T>): WritableEnd<T> | undefined {
    return #end in stream ? (stream.#end as WritableEnd<unknown> as WritableEnd<T>) : undefined;
  }

  override getWriter(): WritableStreamDefaultWriter<T> {
    return new EndWriter(this, this.#end);
  }

  override close(): Promise<void> {
    const isFree = !this.locked;
    const closed = super.close();
    if (isFree) this.#end.closing();
    return closed;
  }
}

/** Tells its end of `close()`, which nothing else shows while a write is in flight. */
class EndWriter<T> extends WritableStreamDefaultWriter<T> {
  readonly #end: WritableEnd<T>;
  #locks = true;

  constructor(stream: WritableStream<T>, end: WritableEnd<T>) {
    super(stream);
    this.#end = end;
  }

  override close(): Promise<void> {
    const closed = super.close();
    if (this.#locks) this.#end.closing();
    return closed;
  }

  override releaseLock(): void {
    this.#locks = false;
    super.releaseLock();
  }
}
