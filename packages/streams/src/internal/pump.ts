import { SizedFifo } from "./fifo.ts";
import {
  type Pipe,
  type PipeEnd,
  type Settlers,
  type Write,
  conclude,
  handBack,
  whenAborted,
  whenSinkErrored,
  whenSourceClosed,
  whenSourceErrored,
} from "./pipe-end.ts";
import type { PipeOptions } from "./pipe-options.ts";
import { EMPTY, type Relay } from "./protocol.ts";
import type { ReadableEnd } from "./readable-end.ts";
import { Row } from "./row.ts";
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
 * A pipe at work: does as `pipeTo()`, without a promise for each chunk. Both streams must be unlocked.
 *
 * @see https://streams.spec.whatwg.org/#readable-stream-pipe-to
 */
export class Pump<T> {
  readonly #from: ReadableEnd<T>;
  readonly into: WritableEnd<T>;
  readonly #pipe: Pipe<T>;
  readonly #mark: number;
  /** Whether the sink tells when it has no room. */
  readonly #minds: boolean;
  /** Takes several at once from the source into the sink. */
  readonly #takeRun: (() => number) | undefined;
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
  /** Stages behind this pump that chunks are carried through; none behind one that is pushed to. */
  readonly #row: Row | undefined;
  /** The stage it feeds; undefined for another sink, and where every chunk has to be measured. */
  readonly relay: Relay | undefined;
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
    this.into = into;
    this.#mark = into.highWaterMark;
    this.#minds = "isFull" in into.sink;
    this.#takeRun = into.sink.runsFrom?.(from.source);
    const [reader, writer] = [from.stream.getReader(), into.stream.getWriter()];
    this.#pipe = { from, into, reader, writer, options, settlers };
    this.relay = into.size ? undefined : into.sink.relay;
    this.#row = this.relay && !from.source.isPushing ? new Row() : undefined;
    from.attach(this);
    into.attach(this);
  }

  start(): void {
    const [from, into] = [this.#from, this.into];
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
    this.#catchUp();
    return true;
  }

  /** Whether a chunk may go straight into the sink. */
  get isOpen(): boolean {
    return this.#blocked === 0;
  }

  /** The same, when a row calls the sink. */
  get isClear(): boolean {
    return (this.#blocked & ~CALLING) === 0;
  }

  /** Whether a row has it, and nothing has come between since. */
  get isClaimed(): boolean {
    return this.#blocked === CALLING;
  }

  /** From now on a row calls the sink, which is open. */
  claim(): void {
    this.#blocked = CALLING;
  }

  /** The row is done; goes on with what came meanwhile. */
  release(hasCarried: boolean): void {
    this.#blocked &= ~CALLING;
    // What it asked for has come, or may have been dropped on the way.
    if (hasCarried) this.#isAsking = false;
    this.#catchUp();
  }

  wakeSource(): void {
    this.#isEmpty = false;
    this.#look();
    this.#run();
  }

  wakeSink(): void {
    if (this.#state === "starting") this.#begin();
    else if (!this.#inFlight) this.#reopen();
  }

  sourceClosed(): void {
    // What the native queue still holds comes first.
    if (this.#from.backlog === 0) void this.#end(whenSourceClosed(this.#pipe));
  }

  sourceErrored(reason: unknown): void {
    void this.#end(whenSourceErrored(this.#pipe, reason));
  }

  sinkErrored(reason: unknown): void {
    void this.#end(whenSinkErrored(this.#pipe, reason));
  }

  sinkClosed(): void {
    this.sinkErrored(new TypeError("Cannot pipe: the destination is closing or closed"));
  }

  readonly #onAbort = (): void => {
    const plan = whenAborted(this.#pipe, this.#pipe.options.signal?.reason);
    // Who waits to close cannot; who waits with bad news need not. Told is told.
    if (this.#state !== "ending") void this.#end(plan);
    else if (!this.#plan?.failure) this.#plan = plan;
    this.#stopWaiting?.();
  };

  /** Lets chunks flow once the native queues hold none that come before them. */
  #begin(): void {
    // A mark of 0 asks for nothing, ever.
    if (this.#state !== "starting" || this.#reading || this.#mark === 0) return;
    this.#weigh();
    if (this.#from.backlog > 0) {
      if (this.#hasRoom()) this.#reading = this.#readBacklog();
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
      if (!done) this.hold(value, this.#measure(value));
    } catch {
      return; // The source errored, and has said so itself.
    }
    this.#reading = undefined;
    this.#begin();
  }

  #hasRoom(): boolean {
    return this.#held.size + this.#aheadSize < this.#mark;
  }

  /** Looks what the native queue holds: it goes first, and fills the mark. */
  #weigh(): void {
    const { backlog, isBusy } = this.into;
    if (isBusy) this.#blocked |= FULL;
    else this.#blocked &= ~FULL;
    if (backlog === 0 || !this.into.size) this.#aheadSize = backlog;
    else this.#aheadSize = this.#mark - (this.#pipe.writer.desiredSize ?? 0);
  }

  /** Looks whether the sink wants more. */
  #look(): void {
    if (!this.#minds || !this.into.sink.isFull) return;
    this.#blocked |= FULL;
    this.#aheadSize = this.#mark;
  }

  /** A source only learns that it is wanted again when it is asked again. */
  #reopen(): void {
    // A run may have yielded while a write was under way.
    if (!this.#inFlight) this.#weigh();
    this.wakeSource();
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
    while ((this.#blocked & NOT_FLOWING) === 0) {
      if ((this.#blocked & (HOLDING | FULL)) === HOLDING) {
        if (!this.#put(this.#held.front, this.#held.frontSize)) continue;
        if (this.#held.length === 1) this.#blocked &= ~HOLDING;
        this.#held.shift();
        continue;
      }
      if (this.#isEmpty || !this.#hasRoom()) return;
      if (isTurnOver()) return this.#yield();
      const taken = this.isOpen && this.#takeRun?.();
      if (taken) {
        count += taken;
        this.#look();
      } else if (this.#row?.claim(this)) this.#carry(this.#row);
      else this.#pass();
    }
  }

  /** Moves a chunk; or more of them, where all go the same way. */
  #pass(): void {
    do {
      const chunk = this.#ask();
      if (chunk === EMPTY) return;
      this.#accept(chunk);
    } while (this.#blocked === 0 && !this.#row && !this.#takeRun && !isTurnOver());
  }

  #ask(): T | typeof EMPTY {
    this.#isAsking = true;
    const chunk = this.#from.source.take();
    // One that pushed instead may have more; any other wakes us.
    if (chunk === EMPTY) this.#isEmpty = this.#isAsking;
    else this.#isAsking = false;
    return chunk;
  }

  /** Moves chunks through a row of stages, until something comes in the way. */
  #carry(row: Row): void {
    do {
      const chunk = this.#ask();
      // Asking it may have ended the pipe.
      if (chunk === EMPTY || !(this.isClaimed ? row.carry(chunk) : this.hold(chunk))) break;
    } while (this.isClaimed && !isTurnOver());
    count += row.release();
  }

  /** Woken while the sink was at work; or there may be room for more, and then it has to be asked. */
  #catchUp(): void {
    if (this.#blocked === 0 && this.#isEmpty) return;
    this.wakeSource();
  }

  #accept(chunk: T): void {
    const size = this.#measure(chunk);
    if (this.#blocked !== 0 || !this.#put(chunk, size)) this.hold(chunk, size);
  }

  /** No chunk may overtake this one, not even one that `size()` makes. */
  #measure(chunk: T): number {
    if (!this.into.size) return 1;
    this.#blocked |= CALLING;
    try {
      return this.into.size(chunk);
    } catch (error) {
      this.into.error(error);
      return 0;
    } finally {
      this.#blocked &= ~CALLING;
    }
  }

  #put(chunk: T, size: number): boolean {
    this.#blocked |= CALLING;
    const taken = this.into.sink.put(chunk);
    this.#blocked &= ~CALLING;
    if (taken === false) {
      this.#blocked |= FULL;
      return false;
    }
    count++;
    if (taken === true) this.#look();
    else this.wait(chunk, taken, size);
    return true;
  }

  /** Waits until a write that the sink took is over. */
  wait(chunk: T, promise: Promise<void>, size = 1): void {
    this.#blocked |= FULL;
    this.#aheadSize = size;
    this.#inFlight = { chunk, size, promise };
    const over = (): void => {
      this.#inFlight = undefined;
      if (this.#state !== "ending") this.#reopen();
    };
    promise.then(over, (error: unknown) => {
      this.into.error(error);
      over();
    });
  }

  /** Keeps a chunk that cannot go on, and so lets no other. */
  hold(chunk: T, size = 1): false {
    this.#blocked |= HOLDING;
    this.#held.push(chunk, size);
    return false;
  }

  #yield(): void {
    this.#stop("yielding");
    afterTurn(() => {
      if (this.#state !== "yielding") return;
      this.#flow();
      this.#reopen();
    });
  }

  async #end(plan: PipeEnd): Promise<void> {
    if (this.#state === "ending") return;
    this.#stop("ending");
    this.#isAsking = false;
    this.#plan = plan;
    const stopped = new Promise<void>((resolve) => {
      this.#stopWaiting = resolve;
    });
    // Not at once: this may be deep in a call of the very end that is about to be aborted. Nor
    // before a chunk that is read has come.
    await Promise.resolve(this.#reading);
    await Promise.race([stopped, handBack(this.#pipe, this.#inFlight, this.#held)]);
    this.#stopWaiting = undefined;
    this.#pipe.options.signal?.removeEventListener("abort", this.#onAbort);
    await conclude(this.#pipe, this.#plan);
  }
}
