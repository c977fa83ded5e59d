import { Gap } from "@spillway/streams";
import {
  type Deferred,
  deferred,
  EndWriter,
  ignore,
  runsOf,
  type Sink,
  type Source,
  WritableEnd,
} from "@spillway/streams/ends";
import { type LaneChunk, leaseOf, type MessageChunk } from "../frame.ts";
import type { Held } from "./held.ts";
import type { LaneCredit } from "./lane-credit.ts";
import type { Lease } from "./lease.ts";
import type { Outbox } from "./outbox.ts";

/** How a lane ends. */
export interface LaneHost {
  /** The producer will write no more; what it has written may still wait. */
  closing?(): void;
  /** Everything written has left; resolves when the lane counts as closed. */
  closed(lane: Lane): Promise<void> | undefined;
  /** The producer gave up. */
  aborted(lane: Lane, reason: unknown): void;
}

/** How a lane shares its connection. */
export interface LaneSettings {
  readonly priority: number;
  readonly highWaterMark: number;
  readonly credit: LaneCredit | undefined;
}

/** A message written, and the wire bytes it was counted for; 0 when it was refused. */
interface Waiting {
  readonly chunk: LaneChunk;
  readonly bytes: number;
}

/** One writable of a connection: its stream, its place in the send account, its backpressure. */
export class Lane implements Sink<LaneChunk> {
  readonly priority: number;
  /** What the peer may be sent of it, where that is known. */
  readonly credit: LaneCredit | undefined;
  readonly #end: WritableEnd<LaneChunk>;
  readonly #highWaterMark: number;
  readonly #outbox: Outbox;
  readonly #host: LaneHost;
  /** Wire bytes written and not yet handed to the socket. */
  queued = 0;
  /** What waits natively, oldest first, from `#first` on. */
  readonly #waiting: (Waiting | undefined)[] = [];
  #first = 0;
  /** Of the same messages, those that have one. */
  #leases: Lease[] = [];
  #admitted = 0;
  #handled = 0;
  #flushed: { readonly upTo: number; readonly done: () => void } | undefined;
  #ready: Deferred<void> | undefined;
  /** Everything was written: what becomes of the connection is not its failure. */
  #isClosed = false;

  constructor(outbox: Outbox, settings: LaneSettings, host: LaneHost) {
    this.#outbox = outbox;
    this.priority = settings.priority;
    this.credit = settings.credit;
    this.#highWaterMark = settings.highWaterMark;
    this.#host = host;
    // The mark is one chunk, so that a stage's policy decides what is dropped, not this queue.
    this.#end = new WritableEnd<LaneChunk>(this);
    outbox.add(this);
  }

  get Writer(): typeof LaneWriter {
    return LaneWriter;
  }

  get stream(): WritableStream<LaneChunk> {
    return this.#end.stream;
  }

  /** Wire bytes a producer may write now; 0 or less: wait. */
  get room(): number {
    if (this.#isClosed) return 0;
    const room = Math.min(this.#outbox.account.room, this.#highWaterMark - this.queued);
    return Math.min(room, (this.credit?.room ?? Infinity) - this.queued);
  }

  /** Where lanes compete each has a message in line, so that none starves. */
  get isFull(): boolean {
    return this.#outbox.isFull || (this.credit !== undefined && this.credit.room <= 0);
  }

  get transitMs(): number {
    return this.#outbox.transitMs(this.credit);
  }

  /** Messages written and not yet handed to the socket. */
  get waiting(): number {
    return this.#admitted - this.#handled;
  }

  /** Resolves when there is room; pending while there is none, rejected after an error. */
  get ready(): Promise<void> {
    if (this.#isReady()) return READY;
    this.#ready ??= deferred();
    return this.#ready.promise;
  }

  /** Settles `ready` when there is room. */
  update(): void {
    if (!this.#ready || !this.#isReady()) return;
    this.#ready.resolve();
    this.#ready = undefined;
  }

  /** There may be room again. */
  wake(): void {
    this.update();
    this.#end.wake();
  }

  /** Sends a message at once, past the native queue, or not at all. */
  writeNow(chunk: LaneChunk): boolean {
    const { state, isBusy, handover } = this.#end;
    if (state !== "writable" || isBusy || handover) return false;
    if (chunk instanceof Gap) return this.#putGap(chunk);
    return this.queued < this.#highWaterMark && this.#outbox.sendNow(chunk, 0, this.credit);
  }

  /** Counts a message the moment it is written, awaited or not. */
  waits(chunk: LaneChunk): void {
    if (this.#end.state !== "writable") return;
    const bytes = chunk instanceof Gap ? 0 : this.#outbox.admit(chunk, this.queued);
    this.#waiting.push({ chunk, bytes });
    this.#count(bytes);
    const lease = leaseOf(chunk);
    if (!lease || this.#isOver()) return;
    lease.hold();
    this.#leases.push(lease);
  }

  put(chunk: LaneChunk): true | Promise<void> {
    if (chunk instanceof Gap) return this.#putGap(chunk);
    const lease = leaseOf(chunk);
    if (!lease) return this.#put(chunk);
    // From the pump it comes without one of ours.
    if (lease !== this.#leases[0]) lease.hold();
    else this.#leases.shift();
    try {
      return this.#put(chunk);
    } finally {
      lease.free();
    }
  }

  runsFrom(source: Source<LaneChunk>): (() => number) | undefined {
    return runsOf(source as Source<MessageChunk>, (chunks) =>
      this.#outbox.sendRun(chunks, this.credit),
    );
  }

  #put(chunk: MessageChunk): true | Promise<void> {
    const counted = this.#takeSize();
    if (this.#outbox.sendNow(chunk, counted ?? 0, this.credit)) {
      if (counted !== undefined) this.#handle(counted);
      return true;
    }
    try {
      const job = this.#outbox.enqueue(this, chunk);
      if (counted === undefined) this.#count(job.left);
      this.#outbox.pump();
      return job.sent.promise.then(() => this.#handle(0));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** It takes no room, and what is before it has left. */
  #putGap({ dropped }: Gap): true {
    const counted = this.#takeSize();
    if (counted !== undefined) this.#handle(counted);
    this.credit?.gap(dropped);
    return true;
  }

  close(): Promise<void> | undefined {
    this.#isClosed = true;
    return this.#host.closed(this);
  }

  abort(reason: unknown): void {
    this.#letGo();
    this.#ready?.reject(reason);
    this.#ready = undefined;
    this.#host.aborted(this, reason);
  }

  /** No more will be written: nobody may wait for room any longer. */
  closing(): void {
    this.update();
    this.#host.closing?.();
  }

  /** Adds what waits natively. */
  hold(held: Held): void {
    for (const message of this.#waiting) {
      if (!message || message.bytes === 0 || message.chunk instanceof Gap) continue;
      held.addMessage(message.chunk);
    }
  }

  /** Calls `done` once everything written so far has been handed to the socket. */
  whenFlushed(done: () => void): void {
    if (this.#handled >= this.#admitted) done();
    else this.#flushed = { upTo: this.#admitted, done };
  }

  /** Errors the stream at once, whatever is in flight; a stream that has closed stays so. */
  fail(error: unknown): void {
    if (this.#isClosed) return;
    this.#end.error(error);
    this.#letGo();
    this.#ready?.reject(error);
    this.#ready = undefined;
    this.#flushed?.done();
    this.#flushed = undefined;
  }

  #isReady(): boolean {
    if (this.#end.state !== "writable") return true;
    // With something lent there is room.
    return (this.#outbox.account.loan > 0 && this.queued < this.#highWaterMark) || this.room > 0;
  }

  #isOver(): boolean {
    return this.#end.state === "errored";
  }

  /** What waits natively will never be put. */
  #letGo(): void {
    this.#waiting.length = 0;
    this.#first = 0;
    for (const lease of this.#leases.splice(0)) lease.free();
  }

  /** What was counted for the message that is put now, if it waited natively. */
  #takeSize(): number | undefined {
    const message = this.#waiting[this.#first];
    if (!message) return undefined;
    this.#waiting[this.#first++] = undefined;
    // Half at a time: to shift each of many would move all the others.
    if (this.#first * 2 >= this.#waiting.length) {
      this.#waiting.splice(0, this.#first);
      this.#first = 0;
    }
    return message.bytes;
  }

  #count(bytes: number): void {
    this.queued += bytes;
    this.#admitted++;
    // Last, since it tells this lane.
    this.#outbox.account.queue(bytes);
  }

  #handle(bytes: number): void {
    this.queued -= bytes;
    this.#handled++;
    if (bytes > 0) this.update();
    if (!this.#flushed || this.#handled < this.#flushed.upTo) return;
    const { done } = this.#flushed;
    this.#flushed = undefined;
    done();
  }
}

const READY = Promise.resolve();

/** `desiredSize` and `ready` are those of the connection, in bytes. */
class LaneWriter extends EndWriter<LaneChunk> {
  readonly #end: WritableEnd<LaneChunk>;
  readonly #lane: Lane;
  #isLocked = true;

  constructor(stream: WritableStream<LaneChunk>, end: WritableEnd<LaneChunk>) {
    super(stream, end);
    this.#end = end;
    this.#lane = end.sink as Lane;
  }

  override get desiredSize(): number | null {
    return this.#isOurs() ? this.#lane.room : super.desiredSize;
  }

  override get ready(): Promise<undefined> {
    return (this.#isOurs() ? this.#lane.ready : super.ready) as Promise<undefined>;
  }

  /** Rejections stay observable, but one that nobody handles does not end the process. */
  override write(chunk: LaneChunk): Promise<void> {
    const lease = leaseOf(chunk);
    if (!lease) return this.#write(chunk);
    // Also where nobody takes it: what was given to a writer comes back once.
    lease.hold();
    const written = this.#write(chunk);
    lease.free();
    return written;
  }

  #write(chunk: LaneChunk): Promise<void> {
    if (this.#isLocked && this.#lane.writeNow(chunk)) return READY;
    let written;
    try {
      written = super.write(chunk);
    } catch (error) {
      // Node 20 throws instead of rejecting when the stream has closed.
      written = Promise.reject(error);
    }
    written.catch(ignore);
    return written;
  }

  override close(): Promise<void> {
    const isOpen = this.#isOurs();
    const closed = super.close();
    closed.catch(ignore);
    if (isOpen) this.#lane.closing();
    return closed;
  }

  override abort(reason?: unknown): Promise<void> {
    const aborted = super.abort(reason);
    aborted.catch(ignore);
    return aborted;
  }

  override releaseLock(): void {
    this.#isLocked = false;
    super.releaseLock();
  }

  #isOurs(): boolean {
    return this.#isLocked && this.#end.state !== "errored";
  }
}
