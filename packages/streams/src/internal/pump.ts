import { Fifo } from "./fifo.ts";
import { EMPTY } from "./protocol.ts";
import type { ReadableEnd } from "./readable-end.ts";
import { afterTurn, enterTurn, isTurnOver, leaveTurn } from "./turn.ts";
import type { WritableEnd } from "./writable-end.ts";

let count = 0;

/** Chunks that went from an end to an end without a promise, in this process, so far. */
export function pumped(): number {
  return count;
}

/** The options of `pipeTo()`, each read once. */
export interface PipeOptions {
  readonly preventAbort: boolean;
  readonly preventCancel: boolean;
  readonly preventClose: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Reads options as Web IDL does: in this order, each once.
 *
 * @returns `undefined` for what the platform refuses, in its own words
 */
export function readPipeOptions(options: StreamPipeOptions | undefined): PipeOptions | undefined {
  if (options !== undefined && options !== null && Object(options) !== options) return undefined;
  const { preventAbort, preventCancel, preventClose, signal } = options ?? {};
  if (signal !== undefined && !(signal instanceof AbortSignal)) return undefined;
  return {
    preventAbort: Boolean(preventAbort),
    preventCancel: Boolean(preventCancel),
    preventClose: Boolean(preventClose),
    signal,
  };
}

/**
 * Pipes one end into another as `pipeTo()` does, without a promise for each chunk. Both streams
 * must be unlocked.
 *
 * @see https://streams.spec.whatwg.org/#readable-stream-pipe-to
 */
export function pump<T>(
  from: ReadableEnd<T>,
  into: WritableEnd<T>,
  options: PipeOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    new Pump(from, into, options, { resolve, reject }).start();
  });
}

/** How a pipe ends. */
interface End {
  /** What is done to the other side. */
  readonly action?: (() => Promise<unknown>) | false | undefined;
  /** What the pipe rejects with. */
  readonly failure?: { readonly reason: unknown };
}

interface Settlers {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** A pipe at work. */
export class Pump<T> {
  readonly #from: ReadableEnd<T>;
  readonly #into: WritableEnd<T>;
  readonly #options: PipeOptions;
  readonly #settlers: Settlers;
  readonly #mark: number;
  readonly #isSized: boolean;
  readonly #reader: ReadableStreamDefaultReader<T>;
  readonly #writer: WritableStreamDefaultWriter<T>;
  /** Stands for the destination's native queue, and as that one is filled no further than its mark. */
  readonly #held = new Fifo<T>();
  readonly #heldSizes = new Fifo<number>();
  #heldSize = 0;
  /** A write that the sink took and has not finished. */
  #inFlight: Promise<void> | undefined;
  #inFlightSize = 0;
  #isDrained = false;
  #isFull = false;
  #isEmpty = false;
  /** Whether a chunk may go straight into the sink: nothing waits, nothing is under way. */
  isClear = false;
  #isMoving = false;
  #isPutting = false;
  #state: "starting" | "flowing" | "yielding" | "ending" = "starting";
  /** Ends the wait for the last writes. */
  #interrupt: ((end: End) => void) | undefined;

  constructor(
    from: ReadableEnd<T>,
    into: WritableEnd<T>,
    options: PipeOptions,
    settlers: Settlers,
  ) {
    this.#from = from;
    this.#into = into;
    this.#options = options;
    this.#settlers = settlers;
    this.#mark = into.highWaterMark;
    this.#isSized = into.isSized;
    this.#reader = from.stream.getReader();
    this.#writer = into.stream.getWriter();
    from.attach(this);
    into.attach(this);
  }

  start(): void {
    const [from, into] = [this.#from, this.#into];
    const { signal } = this.#options;
    signal?.addEventListener("abort", this.#onAbort);
    if (signal?.aborted) this.#onAbort();
    else if (from.state === "errored") this.sourceErrored(from.reason);
    else if (into.state === "errored") this.sinkErrored(into.reason);
    else if (from.state === "closed" && from.backlog === 0) this.sourceClosed();
    else if (into.state !== "writable") this.#sinkClosed();
    // As in a native pipe, nothing moves before `pipeTo()` has returned.
    else void this.#drain();
  }

  /** Takes a chunk from a source that has no other; only while {@link Pump.isClear}. */
  push(chunk: T): void {
    this.#accept(chunk);
    // Woken while the sink was at work.
    if (!this.#isEmpty) this.#run();
  }

  wakeSource(): void {
    this.#isEmpty = false;
    this.#run();
  }

  wakeSink(): void {
    if (this.#state === "starting") this.#begin();
    else if (!this.#inFlight) this.#reopen();
  }

  sourceClosed(): void {
    // What the native queue still holds comes first.
    if (this.#from.backlog > 0) return;
    const close = async (): Promise<void> => {
      if (this.#into.state === "errored") throw this.#into.reason;
      await this.#writer.close();
    };
    this.#end({ action: !this.#options.preventClose && close });
  }

  sourceErrored(reason: unknown): void {
    const abort = (): Promise<void> => this.#writer.abort(reason);
    this.#end({ action: !this.#options.preventAbort && abort, failure: { reason } });
  }

  sinkErrored(reason: unknown): void {
    const cancel = (): Promise<void> => this.#reader.cancel(reason);
    this.#end({ action: !this.#options.preventCancel && cancel, failure: { reason } });
  }

  #sinkClosed(): void {
    this.sinkErrored(new TypeError("Cannot pipe: the destination is closing or closed"));
  }

  readonly #onAbort = (): void => {
    const { preventAbort, preventCancel, signal } = this.#options;
    const reason: unknown = signal?.reason;
    const action = (): Promise<unknown> => {
      const isWritable = this.#into.state === "writable" && !preventAbort;
      const isReadable = this.#from.state === "readable" && !preventCancel;
      return Promise.all([
        isWritable && this.#writer.abort(reason),
        isReadable && this.#reader.cancel(reason),
      ]);
    };
    const end: End = { action, failure: { reason } };
    if (this.#state === "ending") this.#interrupt?.(end);
    else this.#end(end, "at once");
  };

  /** Reads what an earlier reader asked for and left in the native queue, then lets chunks flow. */
  async #drain(): Promise<void> {
    for (let left = this.#from.backlog; left > 0; left--) {
      let read;
      try {
        read = await this.#reader.read();
      } catch {
        return; // The source errored, and has said so itself.
      }
      if (!read.done) this.#hold(read.value, this.#into.measure(read.value));
    }
    await Promise.resolve();
    this.#isDrained = true;
    this.#begin();
  }

  #begin(): void {
    if (this.#state !== "starting" || !this.#isDrained || this.#into.backlog > 0) return;
    // A mark of 0 asks for nothing, ever.
    if (this.#mark === 0) return;
    this.#state = "flowing";
    if (this.#from.state === "closed") this.sourceClosed();
    else this.#reopen();
  }

  /** A source only learns that it is wanted again when it is asked again. */
  #reopen(): void {
    this.#isFull = false;
    this.#isEmpty = false;
    this.#look();
    this.#run();
  }

  #run(): void {
    if (this.#isMoving || this.#isPutting || this.#state !== "flowing") return;
    this.#isMoving = true;
    enterTurn();
    try {
      this.#move();
    } finally {
      leaveTurn();
      this.#isMoving = false;
    }
  }

  /** Moves chunks while there are some and there is room; ends stop it from within. */
  #move(): void {
    const { source } = this.#from;
    while (this.#state === "flowing") {
      if (this.#held.length > 0 && !this.#isFull) {
        if (this.#put(this.#held.front, this.#heldSizes.front)) this.#unhold();
        this.#look();
        continue;
      }
      if (this.#isEmpty || this.#heldSize + this.#inFlightSize >= this.#mark) return;
      if (isTurnOver()) return this.#yield();
      // May push chunks to us instead of giving one.
      const chunk = source.take();
      if (chunk === EMPTY) this.#isEmpty = true;
      else this.#accept(chunk);
    }
  }

  #accept(chunk: T): void {
    const size = this.#isSized ? this.#into.measure(chunk) : 1;
    if (!this.isClear || !this.#put(chunk, size)) this.#hold(chunk, size);
  }

  #put(chunk: T, size: number): boolean {
    this.isClear = false;
    this.#isPutting = true;
    const taken = this.#into.sink.put(chunk);
    this.#isPutting = false;
    if (taken === false) {
      this.#isFull = true;
      return false;
    }
    count++;
    if (taken === true) this.#look();
    else this.#wait(taken, size);
    return true;
  }

  #look(): void {
    this.isClear =
      !this.#isFull && !this.#isPutting && this.#held.length === 0 && this.#state === "flowing";
  }

  #wait(write: Promise<void>, size: number): void {
    this.#isFull = true;
    this.#inFlightSize = size;
    const over = (): void => {
      this.#inFlight = undefined;
      this.#inFlightSize = 0;
      this.#reopen();
    };
    this.#inFlight = write.then(over, over);
  }

  #hold(chunk: T, size: number): void {
    this.isClear = false;
    this.#held.push(chunk);
    this.#heldSizes.push(size);
    this.#heldSize += size;
  }

  #unhold(): T {
    // Sums of fractions drift; nothing weighs nothing.
    this.#heldSize = this.#held.length === 1 ? 0 : this.#heldSize - this.#heldSizes.front;
    this.#heldSizes.shift();
    return this.#held.shift();
  }

  #yield(): void {
    this.#state = "yielding";
    this.isClear = false;
    afterTurn(() => {
      if (this.#state !== "yielding") return;
      this.#state = "flowing";
      this.#reopen();
    });
  }

  #end(end: End, when: "after writes" | "at once" = "after writes"): void {
    if (this.#state === "ending") return;
    this.#state = "ending";
    this.isClear = false;
    const interrupted = new Promise<End>((resolve) => {
      this.#interrupt = resolve;
    });
    if (when === "at once") this.#interrupt?.(end);
    void this.#finish(end, interrupted);
  }

  async #finish(planned: End, interrupted: Promise<End>): Promise<void> {
    // Not at once: this may be deep in a call of the very end that is about to be aborted.
    await Promise.resolve();
    const written = this.#handBack().then(() => planned);
    const end = await Promise.race([interrupted, written]);
    let { failure } = end;
    try {
      if (end.action) await end.action();
    } catch (reason) {
      failure = { reason };
    }
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#writer.releaseLock();
    this.#reader.releaseLock();
    if (failure) this.#settlers.reject(failure.reason);
    else this.#settlers.resolve();
  }

  /** Gives the ends back to their native queues, with what was held; resolves once it is written. */
  async #handBack(): Promise<void> {
    this.#from.attach(undefined);
    this.#into.attach(undefined);
    if (this.#into.state !== "writable") return;
    const writes: Promise<void>[] = [];
    while (this.#held.length > 0) writes.push(this.#writer.write(this.#unhold()));
    await Promise.allSettled([this.#inFlight, ...writes]);
  }
}
