import { SpillwayError } from "@spillway/streams";
import type { FlowWindow } from "../flow-window.ts";
import type { MessageChunk } from "../frame.ts";
import { Account } from "./account.ts";
import { type Deferred, deferred } from "./deferred.ts";
import type { Lane } from "./lane.ts";
import { type Message, toMessage, wireBytes } from "./message.ts";

/** Large messages leave in fragments, so that progress shows and acknowledgements come between. */
const MAX_FRAGMENT = 65_536;
/** How often a waiting lane is passed over for one of higher priority. */
const MAX_SKIPS = 8;

/** How the outbox reaches the socket. */
export interface OutboxHost {
  /** Whether data may still follow what was sent. */
  isOpen(): boolean;
  send(payload: string | Uint8Array, binary: boolean, fin: boolean, flushed: () => void): void;
  /** A lane was offered what it must not take. */
  fail(error: SpillwayError): void;
  /** Messages written to a lane will never be sent. */
  dropped(messages: number, bytes: number): void;
}

/** The bounds of {@link Outbox}, in wire bytes. */
export interface OutboxMarks {
  readonly highWaterMark: number;
  readonly maxQueuedBytes: number;
}

/** A message whose turn has not come, or of which some fragments have left. */
interface Job {
  readonly lane: Lane;
  readonly message: Message;
  readonly sent: Deferred<void>;
  /** Payload bytes that have left. */
  offset: number;
  /** Wire bytes still counted as queued. */
  left: number;
  skips: number;
}

/**
 * Sends what the lanes write, one message at a time, while the account has room. At most one message
 * per lane waits here; the rest stays with the producers.
 */
export class Outbox {
  readonly account: Account;
  readonly #host: OutboxHost;
  readonly #maxQueuedBytes: number;
  readonly #fragment: number;
  readonly #lanes = new Set<Lane>();
  readonly #waiting: Job[] = [];
  /** Nothing may come between the fragments of a message. */
  #current: Job | undefined;
  #end: { readonly error: unknown } | undefined;
  #sentMessages = 0;
  #sentBytes = 0;

  constructor(host: OutboxHost, flow: FlowWindow | undefined, marks: OutboxMarks) {
    this.#host = host;
    this.#maxQueuedBytes = marks.maxQueuedBytes;
    const quarter = flow ? Math.floor(flow.windowBytes / 4) : MAX_FRAGMENT;
    this.#fragment = Math.min(MAX_FRAGMENT, quarter);
    this.account = new Account(marks.highWaterMark, flow, () => this.#tellLanes());
  }

  get sentMessages(): number {
    return this.#sentMessages;
  }

  /** With frame headers. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Takes a lane in; one that comes after the end errors at once. */
  add(lane: Lane): void {
    if (this.#end) lane.fail(this.#end.error);
    else this.#lanes.add(lane);
  }

  /**
   * Counts a chunk the moment it is written, awaited or not; what must not be written ends the
   * connection.
   *
   * @returns its wire bytes; 0 when it was refused
   */
  admit(chunk: MessageChunk, lane: Lane): number {
    if (this.#end) return 0;
    const { queued } = this.account;
    let bytes;
    try {
      bytes = wireBytes(toMessage(chunk).payloadBytes);
    } catch (error) {
      this.#host.fail(error as SpillwayError);
      return 0;
    }
    if (queued > 0 && queued + bytes > this.#maxQueuedBytes) {
      const error = new SpillwayError(
        "SPW_ERR_OVERFLOW",
        `Cannot queue message of ${bytes} bytes: ${queued} bytes wait and the limit is ` +
          `${this.#maxQueuedBytes} bytes; await writer.ready before each write`,
      );
      this.#host.fail(error);
      return 0;
    }
    lane.queued += bytes;
    this.account.queue(bytes);
    return bytes;
  }

  /** Sends a message at once (`undefined`), or when its turn comes. */
  write(lane: Lane, chunk: MessageChunk): Promise<void> | undefined {
    const message = toMessage(chunk, this.#fragment);
    if (this.#isIdle && message.payloadBytes <= this.#fragment && this.account.socketRoom > 0) {
      this.#transmit(message, lane);
      return undefined;
    }
    const left = wireBytes(message.payloadBytes);
    const job: Job = { lane, message, sent: deferred(), offset: 0, left, skips: 0 };
    this.#waiting.push(job);
    this.pump();
    return job.sent.promise;
  }

  /** Sends a message at once or not at all. */
  offer(chunk: MessageChunk): boolean {
    const message = toMessage(chunk);
    if (!this.#isIdle || this.account.room <= 0) return false;
    this.#transmit(message, undefined);
    return true;
  }

  /** Sends what waits, as far as there is room. */
  pump(): void {
    while (this.account.socketRoom > 0 && this.#host.isOpen()) {
      this.#current ??= this.#takeNext();
      if (!this.#current) return;
      this.#sendFragment(this.#current);
    }
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
    const index = this.#waiting.findIndex((job) => job.lane === lane);
    if (index >= 0) this.#waiting.splice(index, 1)[0]?.sent.reject(reason);
    if (this.#current?.lane === lane) this.#current.sent.reject(reason);
    const left = this.#current?.lane === lane ? this.#current.left : 0;
    this.#forget(lane, left);
  }

  /** Ends every lane and settles every write; nothing is sent any more. */
  fail(error: unknown): void {
    if (this.#end) return;
    this.#end = { error };
    for (const job of this.#waiting.splice(0)) job.sent.reject(error);
    this.#current?.sent.reject(error);
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
    if (lane.waiting > 0) this.#host.dropped(lane.waiting, bytes);
  }

  get #isIdle(): boolean {
    const idle = !this.#end && !this.#current && this.#waiting.length === 0;
    return idle && this.#host.isOpen();
  }

  /** Highest priority first, but nobody is passed over for ever. */
  #takeNext(): Job | undefined {
    let best = 0;
    for (const [index, job] of this.#waiting.entries()) {
      const chosen = this.#waiting[best] as Job;
      if (job.skips >= MAX_SKIPS && chosen.skips < MAX_SKIPS) best = index;
      else if (chosen.skips < MAX_SKIPS && job.lane.priority > chosen.lane.priority) best = index;
    }
    const [next] = this.#waiting.splice(best, 1);
    for (const job of this.#waiting) job.skips++;
    return next;
  }

  #sendFragment(job: Job): void {
    const { message, lane } = job;
    const { payload, payloadBytes, binary } = message;
    if (payloadBytes <= this.#fragment || typeof payload === "string") {
      this.#current = undefined;
      this.#transmit(message, lane);
      job.sent.resolve();
      return;
    }
    const part = payload.subarray(job.offset, job.offset + this.#fragment);
    job.offset += part.byteLength;
    const fin = job.offset === payloadBytes;
    const queued = fin ? job.left : part.byteLength;
    job.left -= queued;
    lane.queued -= queued;
    if (fin) this.#current = undefined;
    this.#hand(part, binary, fin, queued);
    if (!fin) return;
    this.#sentMessages++;
    job.sent.resolve();
  }

  #transmit({ payload, payloadBytes, binary }: Message, lane: Lane | undefined): void {
    const queued = lane ? wireBytes(payloadBytes) : 0;
    if (lane) lane.queued -= queued;
    this.#sentMessages++;
    this.#hand(payload, binary, true, queued);
  }

  #hand(payload: string | Uint8Array, binary: boolean, fin: boolean, queued: number): void {
    const bytes = typeof payload === "string" ? Buffer.byteLength(payload) : payload.byteLength;
    const wire = wireBytes(bytes);
    this.#sentBytes += wire;
    this.#host.send(payload, binary, fin, () => {
      this.account.flush(wire);
      this.pump();
    });
    this.account.hand(wire, queued);
    this.account.update();
  }

  #tellLanes(): void {
    for (const lane of this.#lanes) lane.update();
  }
}
