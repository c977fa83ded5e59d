import type { SpillwayError } from "@spillway/streams";
import type { FlowWindow } from "../flow-window.ts";
import { type MessageChunk, leaseOf, wrongChunk } from "../frame.ts";
import { Account } from "./account.ts";
import { Controls } from "./controls.ts";
import type { Credits } from "./credits.ts";
import type { Held } from "./held.ts";
import type { Lane } from "./lane.ts";
import type { LaneCredit } from "./lane-credit.ts";
import { giveUp, type Job, Line, newJob } from "./line.ts";
import { chunkBytes, payloadOf, tooMuch } from "./message.ts";
import { Sender } from "./sender.ts";
import { turnNow } from "./turn-time.ts";
import type { Wire, WireHost } from "./wire.ts";

/** What the outbox needs of how its connection ends. */
export interface OutboxHost {
  /** Whether data may still follow what was sent. */
  checkOpen(): boolean;
  /** A lane was offered what it must not take. */
  fail(error: SpillwayError): void;
}

/** Hears of messages written to a lane that will never be sent. */
export type DropHearer = (messages: number, bytes: number) => void;

/** The bounds of {@link Outbox}, in wire bytes. */
export interface OutboxMarks {
  readonly highWaterMark: number;
  readonly maxQueuedBytes: number;
}

/**
 * Sends what the lanes write, one message at a time, while the account has room. At most one message
 * per lane waits here; the rest stays with the producers.
 */
export class Outbox implements WireHost {
  readonly account: Account;
  readonly #host: OutboxHost;
  readonly #flow: FlowWindow | undefined;
  readonly #credits: Credits | undefined;
  readonly #dropped: DropHearer;
  readonly #wire: Wire;
  readonly #sender: Sender;
  readonly #marks: OutboxMarks;
  readonly #lanes = new Set<Lane>();
  readonly #line = new Line();
  /** Nothing may come between the fragments of a message. */
  #current: Job | undefined;
  readonly #controls = new Controls();
  #end: { readonly error: unknown } | undefined;
  #sentMessages = 0;

  constructor(
    host: OutboxHost,
    dropped: DropHearer,
    makeWire: (host: WireHost) => Wire,
    windows: { readonly flow: FlowWindow | undefined; readonly credits: Credits | undefined },
    marks: OutboxMarks,
  ) {
    const { credits, flow } = windows;
    this.#host = host;
    this.#dropped = dropped;
    this.#flow = flow;
    this.#credits = credits;
    this.#marks = marks;
    this.account = new Account(marks.highWaterMark, flow, this, credits);
    this.#wire = makeWire(this);
    this.#sender = new Sender(this.#wire, credits !== undefined, {
      fail: (error) => host.fail(error),
      packed: () => this.pump(),
    });
    if (flow) this.#sender.fragmentBytes = flow.fragmentBytes;
  }

  beginning(): void {
    this.#flow?.beginning(turnNow());
  }

  leaving(): void {
    this.account.settle();
    this.#credits?.leaving();
    if (!this.#flow) return;
    this.#flow.leaving();
    this.#sender.fragmentBytes = this.#flow.fragmentBytes;
  }

  held(): void {
    this.#flow?.filled();
  }

  flushed(bytes: number): void {
    this.account.flush(bytes);
    if (this.#credits) this.#sendControls();
    this.pump();
  }

  /** There is room again. */
  opened(): void {
    for (const lane of this.#lanes) lane.wake();
  }

  /** Whether a message of the only lane would wait. */
  get isFull(): boolean {
    return this.#lanes.size === 1 && this.account.isFull;
  }

  get sentMessages(): number {
    return this.#sentMessages;
  }

  /** With frame headers. */
  get sentBytes(): number {
    return this.account.sent;
  }

  /** Milliseconds until a message that is sent now has arrived, or been read, if it is as long as most. */
  transitMs(credit: LaneCredit | undefined): number {
    return this.account.transitMs(this.#sentMessages, credit);
  }

  /** Takes a lane in; one that comes after the end errors at once. */
  add(lane: Lane): void {
    if (this.#end) {
      lane.fail(this.#end.error);
      return;
    }
    this.#lanes.add(lane);
    if (lane.credit) lane.credit.users++;
    // What could wait in front of the only lane is to wait in line.
    if (this.#lanes.size === 2) this.opened();
  }

  /**
   * Measures a message that is written, awaited or not; what must not be written ends the
   * connection.
   *
   * @param waiting - wire bytes its lane has queued; a producer that minds `ready` never has the mark,
   *   whatever others write meanwhile
   * @returns its wire bytes; 0 when it was refused
   */
  admit(chunk: MessageChunk, waiting: number): number {
    const { queued } = this.account;
    const { highWaterMark, maxQueuedBytes } = this.#marks;
    const bytes = chunkBytes(chunk);
    if (bytes === undefined) {
      this.#host.fail(wrongChunk(chunk));
      return 0;
    }
    if (waiting >= highWaterMark && queued + bytes > maxQueuedBytes) {
      this.#host.fail(tooMuch(bytes, queued, maxQueuedBytes));
      return 0;
    }
    return bytes;
  }

  /**
   * Sends a message at once, or not at all: while others wait, without room, when it is large.
   *
   * @param queued - wire bytes that it was counted for
   * @param credit - of its lane
   */
  sendNow(chunk: MessageChunk, queued: number, credit: LaneCredit | undefined): boolean {
    if (queued === 0 && this.account.loan > 0) {
      if (this.#host.checkOpen() && this.#sendLent(chunk)) return true;
    }
    if (!this.#isIdle() || this.account.socketRoom <= 0) return false;
    if (credit && credit.room <= 0) return false;
    credit?.begin();
    const bytes = this.#sender.write(chunk);
    if (bytes === 0) return false;
    this.#sentMessages++;
    // First: the account looks for room.
    credit?.sent(payloadOf(chunk));
    this.account.hand(bytes, queued);
    // Others are likely to follow one that is not the first.
    if (!credit && this.#wire.left > 0) this.account.lend(this.#wire.left);
    return true;
  }

  /** Sends a message of bytes at once if what is lent covers it. */
  #sendLent(chunk: MessageChunk): boolean {
    const { account } = this;
    // All there is to look at: something is lent only while nothing waits, and whoever puts something in
    // line has asked for room first, which settles.
    const bytes = this.#sender.writeLent(chunk, account.loan);
    if (bytes === 0) return false;
    account.loan -= bytes;
    this.#sentMessages++;
    return true;
  }

  /** Sends messages at once, in one piece if they are small frames; tells how many of them. */
  sendRun(chunks: readonly MessageChunk[], credit: LaneCredit | undefined): number {
    if (!this.#isIdle()) return 0;
    const bytes = Math.min(this.account.batchRoom, 2 * this.#sender.fragmentBytes);
    if (bytes <= 0 || (credit && credit.room <= 0)) return 0;
    credit?.begin();
    const run = this.#wire.sendRun(chunks, credit?.boundsOf(bytes) ?? { bytes });
    if (run.messages > 0) {
      this.#sentMessages += run.messages;
      credit?.sent(run.payloadBytes, run.messages);
      this.account.hand(run.bytes, 0);
      return run.messages;
    }
    let sent = 0;
    for (const chunk of chunks) {
      if (!this.#sendLent(chunk) && (leaseOf(chunk) || !this.sendNow(chunk, 0, credit))) break;
      sent++;
    }
    return sent;
  }

  /** Puts a message in line; `pump()` sends it when its turn comes. */
  enqueue(lane: Lane | undefined, chunk: MessageChunk): Job {
    const left = chunkBytes(chunk);
    if (left === undefined) {
      // No message, or a buffer that was transferred since it was admitted.
      const error = wrongChunk(chunk);
      this.#host.fail(error);
      throw error;
    }
    leaseOf(chunk)?.hold();
    const job = newJob(lane, chunk, left);
    this.#line.push(job);
    return job;
  }

  /** Takes a message when nothing waits and there is room. */
  offer(chunk: MessageChunk): boolean {
    if (chunkBytes(chunk) === undefined) throw wrongChunk(chunk);
    if (!this.#isIdle() || this.account.room <= 0) return false;
    const credit = this.#credits?.main;
    if (credit && credit.room <= 0) return false;
    if (this.sendNow(chunk, 0, credit)) return true;
    this.account.queue(this.enqueue(undefined, chunk).left);
    this.pump();
    return true;
  }

  /** Sends a ping behind everything sent so far. */
  ping(payload: Uint8Array): void {
    this.#wire.ping(payload);
  }

  /** Sends a control message behind the message that is being sent, if one is. */
  tell(text: string): void {
    this.#controls.add(text);
    this.#sendControls();
  }

  /** Whose message has left in part, if one has. */
  get within(): Job | undefined {
    return this.#current && this.#current.offset > 0 ? this.#current : undefined;
  }

  /** Sends what was read of what the peer sends, once it takes something. */
  answer(text: string): void {
    this.#controls.answer(text);
    this.#sendControls();
  }

  /** Sends what waits, as far as there is room. */
  pump(): void {
    if (!this.#current && this.#line.isEmpty) return;
    const { account } = this;
    while (this.#host.checkOpen()) {
      if ((this.#current ? account.pathRoom : account.socketRoom) <= 0) return;
      this.#current ??= this.#line.next((job) => (this.#creditOf(job)?.room ?? 1) > 0);
      if (!this.#current || this.#current.isPacking) return;
      this.#sendSome(this.#current);
    }
  }

  /** Adds what waits, here or in the lanes, and what the kernel has not taken. */
  hold(held: Held): void {
    const jobs = this.#current ? [this.#current, ...this.#line.jobs] : this.#line.jobs;
    for (const { chunk } of jobs) held.addMessage(chunk);
    for (const lane of this.#lanes) lane.hold(held);
    this.#wire.hold(held);
  }

  /** Calls `done` once everything written so far has been handed to the socket. */
  flush(done: () => void): void {
    let open = 1;
    const one = (): void => {
      if (--open === 0) done();
    };
    for (const lane of this.#lanes) {
      open++;
      lane.whenFlushed(one);
    }
    one();
  }

  remove(lane: Lane): void {
    if (this.#lanes.delete(lane)) lane.credit?.leave();
  }

  /** Forgets what `lane` has written; a message that has begun to leave still ends. */
  drop(lane: Lane, reason: unknown): void {
    this.#line.giveUp(reason, lane);
    // One that is being compressed has not begun, and must not come behind the end of its lane.
    if (this.#current?.lane === lane && !this.within) {
      giveUp(this.#current, reason);
      this.#current = undefined;
    }
    this.remove(lane);
    const begun = this.#current?.lane === lane ? this.#current : undefined;
    begun?.sent.reject(reason);
    this.#forget(lane, begun?.left ?? 0);
    this.pump();
  }

  /** Ends every lane and settles every write; what was handed over leaves, and nothing more. */
  fail(error: unknown): void {
    if (this.#end) return;
    this.#wire.flush();
    this.#end = { error };
    this.#line.giveUp(error);
    if (this.#current) giveUp(this.#current, error);
    this.#current = undefined;
    for (const lane of this.#lanes) {
      lane.fail(error);
      this.#forget(lane, 0);
    }
    this.#lanes.clear();
  }

  #forget(lane: Lane, left: number): void {
    const bytes = lane.queued - left;
    lane.queued = left;
    this.account.queue(-bytes);
    if (lane.waiting > 0) this.#dropped(lane.waiting, bytes);
  }

  #isIdle(): boolean {
    const idle = !this.#end && !this.#current && this.#line.isEmpty;
    return idle && this.#host.checkOpen();
  }

  #sendControls(): void {
    if (this.within) return;
    for (const text of this.#controls.take(this.account.isFlushing)) {
      if (!this.#host.checkOpen()) return;
      this.account.charge(this.#wire.sendText(text, Buffer.byteLength(text)));
    }
  }

  #creditOf({ lane }: Job): LaneCredit | undefined {
    return lane ? lane.credit : this.#credits?.main;
  }

  /** Sends a message, or of a large one the next fragment. */
  #sendSome(job: Job): void {
    // Until it has begun: it may have been compressed meanwhile, and others sent.
    if (job.offset === 0) this.#creditOf(job)?.begin();
    const whole = job.message ? 0 : this.#sender.write(job.chunk);
    if (whole > 0) {
      this.#count(job, whole, job.left, true);
      return;
    }
    const message = job.message ?? this.#sender.prepare(job);
    if (!message) return;
    const most = this.account.partOf(this.#sender.fragmentBytes);
    const part = this.#sender.writePart(job, message, most);
    if (!part) return;
    const { bytes, isLast } = part;
    // What headers of fragments add was not queued.
    this.#count(job, bytes, isLast ? job.left : part.payloadBytes, isLast);
  }

  #count(job: Job, bytes: number, queued: number, isLast: boolean): void {
    job.left -= queued;
    if (job.lane) job.lane.queued -= queued;
    if (isLast) {
      this.#current = undefined;
      this.#sentMessages++;
      this.#creditOf(job)?.sent(payloadOf(job.chunk));
    }
    this.account.hand(bytes, queued);
    job.lane?.update();
    if (!isLast) return;
    this.#sendControls();
    leaseOf(job.chunk)?.free();
    job.sent.resolve();
  }
}
