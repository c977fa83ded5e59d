import type { FlowWindow } from "../flow-window.ts";
import type { Credits } from "./credits.ts";
import type { LaneCredit } from "./lane-credit.ts";
import { Share } from "./share.ts";

/** What a batch may go beyond the mark, so that bursts about as large as the mark leave whole. */
const BATCH_BYTES = 65_536;
/** Payload bytes that a fragment has at least, but for the last. */
const MIN_PART = 1_024;

/**
 * The send account of one connection in wire bytes: what its lanes queue, what the socket holds, and
 * with the flow window what the peer has not acknowledged.
 */
export class Account {
  readonly #highWaterMark: number;
  readonly #flow: FlowWindow | undefined;
  readonly #credits: Credits | undefined;
  readonly #host: { opened(): void };
  #queued = 0;
  #buffered = 0;
  #progressAt: number = performance.now();
  #blockedAt: number | undefined;
  /** Probes of a silent peer open the account for a moment, and end nothing. */
  #stalledAt: number | undefined;
  /** Made when it is needed: most connections are idle. */
  #blocked: Share | undefined;
  #blockedMs = 0;
  #sent = 0;
  /** Of what was lent, what is left: messages may take it without a look at anything else. */
  loan = 0;
  #lent = 0;

  /** @param host - is told when there is room again */
  constructor(
    highWaterMark: number,
    flow: FlowWindow | undefined,
    host: { opened(): void },
    credits?: Credits,
  ) {
    this.#highWaterMark = highWaterMark;
    this.#flow = flow;
    this.#host = host;
    this.#credits = credits;
  }

  /** Written to lanes and not yet handed to the socket. */
  get queued(): number {
    return this.#queued;
  }

  /** Handed to the socket, in all. */
  get sent(): number {
    this.settle();
    return this.#sent;
  }

  /** Handed to the socket and not yet taken by the kernel. */
  get buffered(): number {
    this.settle();
    return this.#buffered;
  }

  /** What the socket may be handed of messages that have begun; 0 or less: nothing. */
  get pathRoom(): number {
    this.settle();
    const room = this.#highWaterMark - this.#buffered;
    return this.#flow ? Math.min(room, this.#flow.room) : room;
  }

  /** What the socket may be handed now, by at least one lane; 0 or less: nothing. */
  get socketRoom(): number {
    const room = this.pathRoom;
    return this.#credits ? Math.min(room, this.#credits.room) : room;
  }

  /** Whether the kernel takes what the socket is handed. */
  get isFlushing(): boolean {
    return this.buffered < this.#highWaterMark;
  }

  /** What the socket may be handed in one piece, as a batch that begins while there is room; 0 or less: nothing. */
  get batchRoom(): number {
    const room = this.socketRoom;
    if (room <= 0) return room;
    const beyond = Math.min(this.#highWaterMark, BATCH_BYTES);
    const byMark = this.#highWaterMark - this.#buffered + beyond;
    return Math.min(byMark, this.#flow?.room ?? Infinity);
  }

  /** Whether there was no room when it was looked at last. */
  get isFull(): boolean {
    return this.#blockedAt !== undefined;
  }

  /** Of a fragment, what the window has room for: the rest would wait on the way, and what follows with it. */
  partOf(bytes: number): number {
    return Math.min(bytes, Math.max(this.#flow?.room ?? Infinity, MIN_PART));
  }

  /** What producers may still write; 0 or less: wait. */
  get room(): number {
    return this.socketRoom - this.#queued;
  }

  /** When the kernel or the peer last took something, on the clock of `performance.now()`. */
  get progressAt(): number {
    return this.#progressAt;
  }

  /** Milliseconds without progress while there is no room; 0 while there is. */
  get stalledMs(): number {
    if (this.#stalledAt === undefined) return 0;
    return performance.now() - Math.max(this.#stalledAt, this.#progressAt);
  }

  /** Milliseconds without room, in all. */
  get backpressureMs(): number {
    if (this.#blockedAt === undefined) return this.#blockedMs;
    return this.#blockedMs + performance.now() - this.#blockedAt;
  }

  /** Share of the time without room, of late: 0 to 1. */
  get congestion(): number {
    return this.#blocked?.at(performance.now()) ?? 0;
  }

  /** Milliseconds until a message that is sent now has arrived, or been read, if it is as long as those before. */
  transitMs(messages: number, credit: LaneCredit | undefined): number {
    const bytes = this.#queued + this.sent / Math.max(messages, 1);
    const nowMs = performance.now();
    const onWayMs = this.#flow?.transitMs(bytes, nowMs) ?? 0;
    return credit ? Math.max(credit.transitMs(bytes, nowMs), onWayMs) : onWayMs;
  }

  /** Lends `bytes`, as far as there is room and no ping is due before; whoever looks settles. */
  lend(bytes: number): void {
    const room = Math.min(bytes, this.room, this.#flow?.untilPing ?? Infinity);
    this.#lent = Math.max(room, 0);
    this.loan = this.#lent;
  }

  /** Takes back what is left of the loan; the rest was handed to the socket. */
  settle(): void {
    const taken = this.#lent - this.loan;
    this.#lent = 0;
    this.loan = 0;
    if (taken > 0) this.hand(taken, 0);
  }

  /** Written to a lane; negative: given up by it. */
  queue(bytes: number): void {
    this.#queued += bytes;
    this.update();
  }

  /** `bytes` on the wire go to the socket, of which `queued` were written to a lane before. */
  hand(bytes: number, queued: number): void {
    this.settle();
    this.#queued -= queued;
    this.charge(bytes);
    this.update();
  }

  /** `bytes` that are no message go to the socket; nobody hears of room meanwhile, and sends in between. */
  charge(bytes: number): void {
    this.#buffered += bytes;
    this.#sent += bytes;
    this.#flow?.sent(bytes);
  }

  /** The kernel has taken `bytes`; a ping is none of them, and no progress: it goes past what waits for room. */
  flush(bytes: number): void {
    if (bytes === 0) return;
    this.#buffered -= bytes;
    this.#flow?.flushed(bytes);
    this.progress();
  }

  /** Something moved on the way to the peer; what a silent one is given does not count. */
  progress(): void {
    if (!this.#flow?.isProbing) this.#progressAt = performance.now();
    this.update();
  }

  /** Looks again whether there is room. */
  update(): void {
    if (this.room <= 0) {
      if (this.#flow && this.#flow.room <= 0) this.#flow.filled();
      if (this.#blockedAt !== undefined) return;
      this.#blockedAt = performance.now();
      this.#stalledAt ??= this.#blockedAt;
      this.#blocked ??= new Share();
      this.#blocked.set(true, this.#blockedAt);
      return;
    }
    if (this.#stalledAt !== undefined && !this.#flow?.isProbing) this.#stalledAt = undefined;
    if (this.#blockedAt !== undefined) {
      const nowMs = performance.now();
      this.#blocked?.set(false, nowMs);
      this.#blockedMs += nowMs - this.#blockedAt;
      this.#blockedAt = undefined;
      this.#host.opened();
    }
  }
}
