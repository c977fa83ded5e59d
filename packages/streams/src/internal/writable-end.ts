import { isPromiseLike } from "./promise.ts";
import type { Strategy } from "./strategy.ts";
import type { Sink } from "./protocol.ts";
import type { Pump } from "./pump.ts";

interface Stalled<T> {
  readonly chunk: T;
  readonly resolve: (written?: Promise<void>) => void;
  readonly reject: (reason: unknown) => void;
}

/** What a pump began and the native stream goes on with. */
export interface Handover {
  readonly size: number;
  /** A write under way, if it is one. */
  readonly write?: Promise<void> | undefined;
}

const ONE_CHUNK = { highWaterMark: 1 };

/** A `WritableStream` in front of a {@link Sink}. */
export class WritableEnd<T> {
  readonly sink: Sink<T>;
  readonly stream: WritableStream<T>;
  /** What may wait in front of the sink, in the unit of `size`. */
  readonly highWaterMark: number;
  /** Undefined where every chunk counts 1. */
  readonly size: ((chunk: T) => number) | undefined;
  /** Whether the sink has yet to start. */
  isStarting = false;
  /** A pump's, that queues natively what it has measured already, and may have begun to write. */
  handover: Handover | undefined;
  #controller!: WritableStreamDefaultController;
  #pump: Pump<T> | undefined;
  /** The native write in flight; only we can settle it, neither `abort()` nor `pipeTo` does. */
  #stalled: Stalled<T> | undefined;
  /** Gives up a write or a close that the sink took and has not finished. */
  #reject: ((reason: unknown) => void) | undefined;
  #isListening = false;
  #aborted: Promise<void> | undefined;
  #state: "writable" | "closing" | "closed" | "errored" = "writable";
  #reason: unknown;
  #releases = 0;
  #isFinishing = false;
  /** Whether `abort()` came while the sink was closing. */
  #isGivenUp = false;
  #backlog = 0;
  #writeUnderWay: Promise<void> | undefined;

  /**
   * @param sink - where chunks go
   * @param strategy - what may wait in front of it; by default one chunk
   */
  constructor(sink: Sink<T>, { highWaterMark, size }: Strategy<T> = ONE_CHUNK) {
    this.sink = sink;
    this.highWaterMark = highWaterMark;
    this.size = size;
    this.stream = new EndWritable<T>(this, highWaterMark, (chunk) => this.#admit(chunk));
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

  /** Chunks that the native queue holds. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Whether a pump has to wait: for chunks in the native queue, for a start that is not over. */
  get isBusy(): boolean {
    return this.isStarting || this.#backlog > 0;
  }

  /** Whether the sink was told to close, and has not failed. */
  get isFinished(): boolean {
    return this.#isFinishing && this.#state !== "errored";
  }

  // The platform's calls: the end is its sink, as closures for each would take more memory than the end.

  start(controller: WritableStreamDefaultController): void | PromiseLike<void> {
    this.#controller = controller;
    const started = this.sink.start?.(controller, this);
    if (started) this.#listen();
    return started;
  }

  write(chunk: T): Promise<void> | undefined {
    const taken = this.#writeUnderWay ?? this.sink.put(chunk);
    this.#writeUnderWay = undefined;
    if (taken !== false) return this.#written(taken);
    if (this.#state === "errored") throw this.#reason;
    this.#listen();
    return new Promise((resolve, reject) => {
      this.#stalled = { chunk, resolve, reject };
    });
  }

  close(): Promise<void> | undefined {
    this.#state = "closing";
    this.#isFinishing = true;
    // Only where the native writer was made behind our back can a pipe be at work.
    this.#pump?.sinkClosed();
    const done = (): void => {
      this.#state = "closed";
    };
    try {
      const closed = this.sink.close();
      if (isPromiseLike(closed)) return this.#inFlight(closed, done);
    } catch (error) {
      this.error(error);
      throw error;
    }
    // Aborted from within.
    if (this.state === "errored") throw this.#reason;
    done();
    return undefined;
  }

  abort(reason: unknown): Promise<void> {
    this.#abort(reason);
    this.#reason = reason;
    return this.#abortSink(reason);
  }

  /** The sink has room again. */
  wake(): void {
    if (this.#pump && !this.isBusy) this.#pump.wakeSink();
    else this.#retry();
  }

  /** The sink failed; writers learn `reason` at once, whatever is in flight. */
  error(reason: unknown): void {
    if (this.#state === "errored" || this.#state === "closed") return;
    this.#fail(reason);
    WritableStreamDefaultController.prototype.error.call(this.#controller, reason);
    this.#pump?.sinkErrored(reason);
  }

  /** The producer called `close()`; nothing more can be written. */
  closing(): void {
    if (this.#state === "writable") this.#state = "closing";
  }

  /** A writer let go. */
  released(): void {
    this.#releases++;
  }

  /** What `abort()` settles as; natively a close that it gave up would take it down as well. */
  aborting(native: Promise<void>, reason: unknown): Promise<void> {
    this.#abort(reason);
    if (!this.#isGivenUp) return native;
    const aborted = this.#abortSink(reason);
    return native.catch(() => aborted);
  }

  /** A pump puts into the sink now, not the native queue. */
  attach(to: Pump<T> | undefined): void {
    this.#pump = to;
  }

  #admit(chunk: T): number {
    const { handover } = this;
    this.handover = undefined;
    this.#writeUnderWay ??= handover?.write;
    const releases = this.#releases;
    let size = handover?.size ?? 1;
    if (!handover && this.size) {
      try {
        size = this.size(chunk);
      } catch (error) {
        this.error(error);
        throw error;
      }
    }
    // A writer that lets go in `size()` has its chunk refused.
    if (releases === this.#releases) {
      this.#backlog++;
      if (!handover?.write) this.sink.waits?.(chunk);
    }
    return size;
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
    if (taken !== true) return this.#inFlight(taken, () => void this.#written(true));
    this.#backlog--;
    this.#pump?.wakeSink();
    return undefined;
  }

  /** Waits for the sink, but no longer once the stream has failed. */
  #inFlight(work: PromiseLike<unknown>, done: () => void): Promise<void> {
    this.#listen();
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      // It may have failed while it was begun.
      if (this.#state === "errored") reject(this.#reason);
      const settle = (): void => {
        if (this.#state === "errored") return;
        done();
        resolve();
      };
      work.then(settle, (error: unknown) => {
        this.error(error);
        reject(error);
      });
    });
  }

  /** Learns of an abort at once while the sink is at work; a signal costs more memory than this end. */
  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    const { signal } = this.#controller;
    signal.addEventListener("abort", () => this.#abort(signal.reason));
  }

  /** Gives up what is in flight; only then does the native stream abort the sink. */
  #abort(reason: unknown): void {
    if (this.#state === "errored" || this.#state === "closed") return;
    // Natively a sink that closes is not aborted any more.
    this.#isGivenUp = this.#isFinishing;
    this.#fail(reason);
  }

  #abortSink(reason: unknown): Promise<void> {
    try {
      this.#aborted ??= Promise.resolve(this.sink.abort(reason));
    } catch (error) {
      this.#aborted = Promise.reject(error);
    }
    return this.#aborted;
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

  constructor(end: WritableEnd<T>, highWaterMark: number, size: (chunk: T) => number) {
    super(end, { highWaterMark, size });
    this.#end = end;
  }

  static end<T>(stream: WritableStream<T>): WritableEnd<T> | undefined {
    const given: object = Object(stream);
    return #end in given ? (given.#end as WritableEnd<unknown> as WritableEnd<T>) : undefined;
  }

  override getWriter(): WritableStreamDefaultWriter<T> {
    return new (this.#end.sink.Writer ?? EndWriter)(this, this.#end);
  }

  override abort(reason?: unknown): Promise<void> {
    const aborted = super.abort(reason);
    return this.locked ? aborted : this.#end.aborting(aborted, reason);
  }

  override close(): Promise<void> {
    const isFree = !this.locked;
    const closed = super.close();
    if (isFree) this.#end.closing();
    return closed;
  }
}

/** The writer of an end. Tells it of `close()` and `abort()`, which nothing else shows while a write is in flight. */
export class EndWriter<T> extends WritableStreamDefaultWriter<T> {
  readonly #end: WritableEnd<T>;
  #locks = true;

  constructor(stream: WritableStream<T>, end: WritableEnd<T>) {
    super(stream);
    this.#end = end;
  }

  override abort(reason?: unknown): Promise<void> {
    const aborted = super.abort(reason);
    return this.#locks ? this.#end.aborting(aborted, reason) : aborted;
  }

  override write(chunk: T): Promise<void> {
    // Node 20 throws here, where the standard rejects.
    if (this.#locks && this.#end.isFinished) {
      return Promise.reject(new TypeError("Cannot write: closing or closed"));
    }
    return super.write(chunk);
  }

  override close(): Promise<void> {
    const closed = super.close();
    if (this.#locks) this.#end.closing();
    return closed;
  }

  override releaseLock(): void {
    if (this.#locks) this.#end.released();
    this.#locks = false;
    super.releaseLock();
  }
}
