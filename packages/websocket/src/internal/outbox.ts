import type { SpillwayError } from "@spillway/streams";
import type { FlowWindow } from "../flow-window.ts";
import { bytesOf, Frame, isShared, leaseOf, type MessageChunk, wrongChunk } from "../frame.ts";
import { Account } from "./account.ts";
import { MAX_COPY } from "./batch.ts";
import { isDeflated } from "./deflate.ts";
import { MAX_FRAGMENT } from "./delivery.ts";
import type { Held } from "./held.ts";
import type { Lane } from "./lane.ts";
import { firstByte, PACKED, wireBytes } from "./header.ts";
import { giveUp, type Job, Line, newJob } from "./line.ts";
import { chunkBytes, type Message, toMessage, tooMuch, toPacked } from "./message.ts";
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
  readonly #dropped: DropHearer;
  readonly #wire: Wire;
  readonly #highWaterMark: number;
  readonly #maxQueuedBytes: number;
  /** Payload bytes of one frame. */
  #fragment: number;
  readonly #lanes = new Set<Lane>();
  readonly #line = new Line();
  /** Nothing may come between the fragments of a message. */
  #current: Job | undefined;
  #end: { readonly error: unknown } | undefined;
  #sentMessages = 0;

  constructor(
    host: OutboxHost,
    dropped: DropHearer,
    makeWire: (host: WireHost) => Wire,
    flow: FlowWindow | undefined,
    marks: OutboxMarks,
  ) {
    this.#host = host;
    this.#dropped = dropped;
    this.#flow = flow;
    this.#highWaterMark = marks.highWaterMark;
    this.#maxQueuedBytes = marks.maxQueuedBytes;
    this.#fragment = flow?.fragmentBytes ?? MAX_FRAGMENT;
    this.account = new Account(marks.highWaterMark, flow, this);
    this.#wire = makeWire(this);
  }

  beginning(): void {
    this.#flow?.beginning(turnNow());
  }

  leaving(): void {
    this.account.settle();
    if (!this.#flow) return;
    this.#flow.leaving();
    this.#fragment = this.#flow.fragmentBytes;
  }

  held(): void {
    this.#flow?.filled();
  }

  flushed(bytes: number): void {
    this.account.flush(bytes);
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

  /** Milliseconds until a message that is sent now has arrived, if it is as long as most. */
  get transitMs(): number {
    return this.account.transitMs(this.#sentMessages);
  }

  /** Takes a lane in; one that comes after the end errors at once. */
  add(lane: Lane): void {
    if (this.#end) lane.fail(this.#end.error);
    else this.#lanes.add(lane);
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
    const bytes = chunkBytes(chunk);
    if (bytes === undefined) {
      this.#host.fail(wrongChunk(chunk));
      return 0;
    }
    if (waiting >= this.#highWaterMark && queued + bytes > this.#maxQueuedBytes) {
      this.#host.fail(tooMuch(bytes, queued, this.#maxQueuedBytes));
      return 0;
    }
    return bytes;
  }

  /** Sends a message at once, or not at all: while others wait, without room, when it is large. */
  sendNow(chunk: MessageChunk, queued: number = 0): boolean {
    if (queued === 0 && this.account.loan > 0) {
      if (this.#host.checkOpen() && this.#sendLent(chunk)) return true;
    }
    if (!this.#isIdle() || this.account.socketRoom <= 0) return false;
    const bytes = this.#write(chunk);
    if (bytes === 0) return false;
    this.#sentMessages++;
    this.account.hand(bytes, queued);
    // Others are likely to follow one that is not the first.
    if (this.#wire.left > 0) this.account.lend(this.#wire.left);
    return true;
  }

  /** Sends a message of bytes at once if what is lent covers it. */
  #sendLent(chunk: MessageChunk): boolean {
    const { account } = this;
    // All there is to look at: something is lent only while nothing waits, and whoever puts something in
    // line has asked for room first, which settles.
    if (!(chunk instanceof Uint8Array)) return false;
    // Once: engines call out for it.
    const { length } = chunk;
    const bytes = wireBytes(length);
    if (bytes > account.loan || length === 0 || isShared(chunk)) return false;
    if (!this.#wire.sendNext(chunk, length)) return false;
    account.loan -= bytes;
    this.#sentMessages++;
    return true;
  }

  /** Sends messages at once, in one piece if they are small frames; tells how many of them. */
  sendRun(chunks: readonly MessageChunk[]): number {
    if (!this.#isIdle()) return 0;
    const room = Math.min(this.account.batchRoom, 2 * this.#fragment);
    const { messages, bytes } = this.#wire.sendRun(chunks, room);
    if (messages > 0) {
      this.#sentMessages += messages;
      this.account.hand(bytes, 0);
      return messages;
    }
    let sent = 0;
    for (const chunk of chunks) {
      if (!this.#sendLent(chunk) && (leaseOf(chunk) || !this.sendNow(chunk))) break;
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
    if (this.sendNow(chunk)) return true;
    this.account.queue(this.enqueue(undefined, chunk).left);
    this.pump();
    return true;
  }

  /** Sends a ping behind everything sent so far. */
  ping(payload: Uint8Array): void {
    this.#wire.ping(payload);
  }

  /** Sends what waits, as far as there is room. */
  pump(): void {
    if (!this.#current && this.#line.isEmpty) return;
    while (this.account.socketRoom > 0 && this.#host.checkOpen()) {
      this.#current ??= this.#line.next();
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
    this.#lanes.delete(lane);
  }

  /** Forgets what `lane` has written; a message that has begun to leave still ends. */
  drop(lane: Lane, reason: unknown): void {
    this.remove(lane);
    this.#line.giveUp(reason, lane);
    if (this.#current?.lane === lane) this.#current.sent.reject(reason);
    const left = this.#current?.lane === lane ? this.#current.left : 0;
    this.#forget(lane, left);
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

  /** Sends a message, or of a large one the next fragment. */
  #sendSome(job: Job): void {
    if (!job.message) {
      const bytes = this.#write(job.chunk);
      if (bytes > 0) {
        this.#account(job, bytes, job.left, true);
        return;
      }
    }
    const message = job.message ?? this.#prepare(job);
    if (message) this.#sendFragment(job, message);
  }

  #sendFragment(job: Job, message: Message): void {
    const { binary, compress, isPacked, lease, payload, payloadBytes } = message;
    const { offset } = job;
    if (payload.byteLength < payloadBytes) {
      this.#host.fail(wrongChunk(payload));
      return;
    }
    const part = payload.subarray(offset, offset + this.account.partOf(this.#fragment));
    job.offset += part.byteLength;
    const fin = job.offset === payloadBytes;
    const first = firstByte(binary, offset > 0, fin) | (isPacked && offset === 0 ? PACKED : 0);
    const bytes = this.#wire.send(first, part, lease, compress);
    // What headers of fragments add was not queued.
    this.#account(job, bytes, fin ? job.left : part.byteLength, fin);
  }

  #account(job: Job, bytes: number, queued: number, fin: boolean): void {
    job.left -= queued;
    if (job.lane) job.lane.queued -= queued;
    if (fin) {
      this.#current = undefined;
      this.#sentMessages++;
    }
    this.account.hand(bytes, queued);
    job.lane?.update();
    if (!fin) return;
    leaseOf(job.chunk)?.free();
    job.sent.resolve();
  }

  /** Makes a message to be cut; `undefined` while it is being compressed. */
  #prepare(job: Job): Message | undefined {
    try {
      job.message = toMessage(job.chunk);
    } catch (error) {
      // The buffer was transferred while it waited.
      this.#host.fail(error as SpillwayError);
      return undefined;
    }
    const { windowBits } = this.#wire;
    const { compress, payload } = job.message;
    if (windowBits === undefined || !isDeflated(payload.byteLength, compress)) return job.message;
    job.isPacking = true;
    void toPacked(job.chunk, job.message, windowBits).then((message) => {
      job.message = message;
      job.isPacking = false;
      this.pump();
    });
    return undefined;
  }

  /** Writes a message that is small enough to go as it is. @returns its wire bytes; 0 for any other */
  #write(chunk: MessageChunk): number {
    if (typeof chunk === "string") {
      // A character takes 3 bytes at most.
      if (chunk.length * 3 > this.#fragment) return 0;
      const byteLength = Buffer.byteLength(chunk);
      return byteLength > MAX_COPY ? 0 : this.#wire.sendText(chunk, byteLength);
    }
    if (chunk instanceof Frame) {
      const { byteLength, compress, lease } = chunk;
      return this.#isWhole(byteLength, compress) && !lease?.isOver
        ? this.#wire.sendFrame(chunk)
        : 0;
    }
    const payload = bytesOf(chunk);
    if (!payload || !this.#isWhole(payload.byteLength, undefined)) return 0;
    return this.#wire.sendBytes(payload);
  }

  /** Whether a message leaves in one frame, and at once: large ones are compressed on another thread. */
  #isWhole(byteLength: number, compress: boolean | undefined): boolean {
    if (byteLength > this.#fragment) return false;
    if (byteLength <= MAX_COPY || this.#wire.windowBits === undefined) return true;
    return !isDeflated(byteLength, compress);
  }
}
