import { SizedFifo } from "./fifo.ts";
import {
  type Pipe,
  type PipeEnd,
  whenAborted,
  whenSinkErrored,
  whenSourceClosed,
  whenSourceErrored,
} from "./pipe-end.ts";
import type { PipeOptions } from "./pipe-options.ts";
import { EMPTY } from "./protocol.ts";
import type { ReadableEnd } from "./readable-end.ts";
import { afterTurn, isTurnOver } from "./turn.ts";
import type { WritableEnd } from "./writable-end.ts";

/** What keeps a chunk from going straight into the sink. */
const FULL = 1;
/** A call of the sink, or of `size()`, that has not returned. */
const CALLING = 2;
const HOLDING = 4;
const NOT_FLOWING = 8;

let count = 0;

/** Chunks that went from an end to an end without a promise, in this process, so far. */
export function pumped(): number {
  return count;
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

interface Settlers {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** A write that the sink took and has not finished. */
interface Write<T> {
  readonly chunk: T;
  readonly size: number;
  readonly promise: Promise<void>;
}

/** A pipe at work. */
export class Pump<T> {
  readonly #from: ReadableEnd<T>;
  readonly #into: WritableEnd<T>;
  readonly #pipe: Pipe<T>;
  readonly #settlers: Settlers;
  readonly #mark: number;
  readonly #isSized: boolean;
  /** Stands for the destination's native queue, and as that one is filled no further than its mark. */
  readonly #held = new SizedFifo<T>();
  #inFlight: Write<T> | undefined;
  /** What weighs on the mark beside the held: a write in flight, or what the native queue holds. */
  #aheadSize = 0;
  /** A read of what the source's native queue holds. */
  #reading: Promise<void> | undefined;
  /** Bits, 0 where a chunk may go straight into the sink. */
  #blocked = NOT_FLOWING;
  #isEmpty = false;
  /** Whether the source was asked for a chunk and none has come yet; there is room for it. */
  #isAsking = false;
  #isMoving = false;
  #state: "starting" | "flowing" | "yielding" | "ending" = "starting";
  #plan: PipeEnd | undefined;
  /** Ends the wait for the last writes. */
  #stopWaiting: (() => void) | undefined;

  constructor(
    from: ReadableEnd<T>,
    into: WritableEnd<T>,
    options: PipeOptions,
    settlers: Settlers,
  ) {
    this.#from = from;
    this.#into = into;
    this.#settlers = settlers;
    this.#mark = into.highWaterMark;
    this.#isSized = into.size !== undefined;
    const [reader, writer] = [from.stream.getReader(), into.stream.getWriter()];
    this.#pipe = { from, into, reader, writer, options };
    from.attach(this);
    into.attach(this);
  }

  start(): void {
    const [from, into] = [this.#from, this.#into];
    const { signal } = this.#pipe.options;
    signal?.addEventListener("abort", this.#onAbort);
    if (signal?.aborted) this.#onAbort();
    else if (from.state === "errored") this.sourceErrored(from.reason);
    else if (into.state === "errored") this.sinkErrored(into.reason);
    else if (from.state === "closed" && from.backlog === 0) this.sourceClosed();
    else if (into.state !== "writable") this.sinkClosed();
    // As in a native pipe, nothing moves before `pipeTo()` has returned.
    else void Promise.resolve().then(() => this.#begin());
  }

  /** Whether a chunk that comes now is taken. */
  get isWanting(): boolean {
    return this.#blocked === 0 || this.#isAsking;
  }

  /** Takes a chunk from a source that has no other; `false` leaves it there. */
  push(chunk: T): boolean {
    if (this.#blocked !== 0 && !this.#isAsking) return false;
    this.#isAsking = false;
    this.#accept(chunk);
    // Woken while the sink was at work; or there may be room for more, and then it has to be asked.
    if (this.#blocked !== 0 || !this.#isEmpty) {
      this.#isEmpty = false;
      this.#run();
    }
    return true;
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
    if (this.#from.backlog === 0) this.#end(whenSourceClosed(this.#pipe));
  }

  sourceErrored(reason: unknown): void {
    this.#end(whenSourceErrored(this.#pipe, reason));
  }

  sinkErrored(reason: unknown): void {
    this.#end(whenSinkErrored(this.#pipe, reason));
  }

  sinkClosed(): void {
    this.sinkErrored(new TypeError("Cannot pipe: the destination is closing or closed"));
  }

  readonly #onAbort = (): void => {
    const plan = whenAborted(this.#pipe, this.#pipe.options.signal?.reason);
    // Who waits to close cannot; who waits with bad news need not. Told is told.
    if (this.#state !== "ending") this.#end(plan);
    else if (!this.#plan?.failure) this.#plan = plan;
    this.#stopWaiting?.();
  };

  /** Lets chunks flow once the native queues hold none that come before them. */
  #begin(): void {
    // A mark of 0 asks for nothing, ever.
    if (this.#state !== "starting" || this.#reading || this.#mark === 0) return;
    this.#weigh();
    if (this.#from.backlog > 0) {
      if (this.#hasRoom) this.#reading = this.#readBacklog();
      return;
    }
    this.#flow();
    if (this.#from.state === "closed") this.sourceClosed();
    else this.#reopen();
  }

  #flow(): void {
    this.#state = "flowing";
    this.#blocked &= ~NOT_FLOWING;
  }

  #stop(state: "yielding" | "ending"): void {
    this.#state = state;
    this.#blocked |= NOT_FLOWING;
  }

  /** Reads what an earlier reader asked for and left behind. */
  async #readBacklog(): Promise<void> {
    try {
      const { done, value } = await this.#pipe.reader.read();
      if (!done) this.#hold(value, this.#measure(value));
    } catch {
      return; // The source errored, and has said so itself.
    }
    this.#reading = undefined;
    this.#begin();
  }

  get #hasRoom(): boolean {
    return this.#held.size + this.#aheadSize < this.#mark;
  }

  /** Looks what the native queue holds: it goes first, and fills the mark. */
  #weigh(): void {
    const { backlog, isBusy } = this.#into;
    if (isBusy) this.#blocked |= FULL;
    else this.#blocked &= ~FULL;
    if (backlog === 0 || !this.#isSized) this.#aheadSize = backlog;
    else this.#aheadSize = this.#mark - (this.#pipe.writer.desiredSize ?? 0);
  }

  /** A source only learns that it is wanted again when it is asked again. */
  #reopen(): void {
    // A run may have yielded while a write was under way.
    if (!this.#inFlight) this.#weigh();
    this.#isEmpty = false;
    this.#run();
  }

  #run(): void {
    if (this.#isMoving || (this.#blocked & (CALLING | NOT_FLOWING)) !== 0) return;
    this.#isMoving = true;
    try {
      this.#move();
    } finally {
      this.#isMoving = false;
    }
  }

  /** Moves chunks while there are some and there is room; ends stop it from within. */
  #move(): void {
    const { source } = this.#from;
    while ((this.#blocked & NOT_FLOWING) === 0) {
      if ((this.#blocked & (HOLDING | FULL)) === HOLDING) {
        if (this.#put(this.#held.front, this.#held.frontSize)) this.#unhold();
        continue;
      }
      if (this.#isEmpty || !this.#hasRoom) return;
      if (isTurnOver()) return this.#yield();
      this.#isAsking = true;
      const chunk = source.take();
      if (chunk === EMPTY) {
        // One that pushed instead may have more; any other wakes us.
        this.#isEmpty = this.#isAsking;
      } else {
        this.#isAsking = false;
        this.#accept(chunk);
      }
    }
  }

  #accept(chunk: T): void {
    const size = this.#measure(chunk);
    if (this.#blocked !== 0 || !this.#put(chunk, size)) this.#hold(chunk, size);
  }

  /** No chunk may overtake this one, not even one that `size()` makes. */
  #measure(chunk: T): number {
    if (!this.#isSized) return 1;
    this.#blocked |= CALLING;
    try {
      return (this.#into.size as (chunk: T) => number)(chunk);
    } catch (error) {
      this.#into.error(error);
      return 0;
    } finally {
      this.#blocked &= ~CALLING;
    }
  }

  #put(chunk: T, size: number): boolean {
    this.#blocked |= CALLING;
    const taken = this.#into.sink.put(chunk);
    this.#blocked &= ~CALLING;
    if (taken === false) {
      this.#blocked |= FULL;
      return false;
    }
    count++;
    if (taken !== true) this.#wait({ chunk, size, promise: taken });
    return true;
  }

  #wait(write: Write<T>): void {
    this.#blocked |= FULL;
    this.#aheadSize = write.size;
    this.#inFlight = write;
    const over = (): void => {
      this.#inFlight = undefined;
      if (this.#state !== "ending") this.#reopen();
    };
    write.promise.then(over, (error: unknown) => {
      this.#into.error(error);
      over();
    });
  }

  #hold(chunk: T, size: number): void {
    this.#blocked |= HOLDING;
    this.#held.push(chunk, size);
  }

  #unhold(): T {
    if (this.#held.length === 1) this.#blocked &= ~HOLDING;
    return this.#held.shift();
  }

  #yield(): void {
    this.#stop("yielding");
    afterTurn(() => {
      if (this.#state !== "yielding") return;
      this.#flow();
      this.#reopen();
    });
  }

  #end(plan: PipeEnd): void {
    if (this.#state === "ending") return;
    this.#stop("ending");
    this.#isAsking = false;
    this.#plan = plan;
    void this.#finish();
  }

  async #finish(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#stopWaiting = resolve;
    });
    // Not at once: this may be deep in a call of the very end that is about to be aborted. Nor
    // before a chunk that is read has come.
    await Promise.resolve(this.#reading);
    await Promise.race([stopped, this.#handBack()]);
    this.#stopWaiting = undefined;
    const { action, failure } = this.#plan as PipeEnd;
    let failed = failure;
    try {
      if (action) await action();
    } catch (reason) {
      failed = { reason };
    }
    const { reader, writer, options } = this.#pipe;
    options.signal?.removeEventListener("abort", this.#onAbort);
    writer.releaseLock();
    reader.releaseLock();
    if (failed) this.#settlers.reject(failed.reason);
    else this.#settlers.resolve();
  }

  /** Gives the ends back to their native queues, with what was held; resolves once it is written. */
  async #handBack(): Promise<void> {
    this.#from.attach(undefined);
    this.#into.attach(undefined);
    if (this.#into.state !== "writable") return;
    const writes: Promise<void>[] = [];
    const queue = (chunk: T, size: number, write?: Promise<void>): void => {
      // One that fails has errored the destination, and that is what the pipe ends with.
      this.#into.handover = { size, write };
      writes.push(this.#pipe.writer.write(chunk).catch(() => {}));
    };
    if (this.#inFlight) queue(this.#inFlight.chunk, this.#inFlight.size, this.#inFlight.promise);
    while (this.#held.length > 0) {
      const size = this.#held.frontSize;
      queue(this.#unhold(), size);
    }
    for (const write of writes) await write;
  }
}
