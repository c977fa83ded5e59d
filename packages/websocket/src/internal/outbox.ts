import { SpillwayError } from "@spillway/streams";
import type { FlowWindow } from "../flow-window.ts";
import { bytesOf, Frame, leaseOf, type MessageChunk, wrongChunk } from "../frame.ts";
import { Account } from "./account.ts";
import { MAX_COPY } from "./batch.ts";
import { type Deferred, deferred } from "./deferred.ts";
import { isDeflated } from "./deflate.ts";
import type { Lane } from "./lane.ts";
import { firstByte, PACKED } from "./header.ts";
import { chunkBytes, type Message, toMessage, toPacked } from "./message.ts";
import type { Wire, WireHost } from "./wire.ts";

/** Large messages leave in fragments, so that progress shows and acknowledgements come between. */
const MAX_FRAGMENT = 65_536;
/** How often a waiting lane is passed over for one of higher priority. */
const MAX_SKIPS = 8;

/** What the outbox needs of its connection. */
export interface OutboxHost {
  /** Whether data may still follow what was sent. */
  isOpen(): boolean;
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
export interface Job {
  /** Undefined for what `send()` took. */
  readonly lane: Lane | undefined;
  readonly chunk: MessageChunk;
  /** What leaves in fragments, once it is known that it does. */
  message: Message | undefined;
  /** Whether the message is being compressed. */
  isPacking: boolean;
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
  readonly #wire: Wire;
  readonly #maxQueuedBytes: number;
  readonly #fragment: number;
  readonly #lanes = new Set<Lane>();
  readonly #waiting: Job[] = [];
  /** Nothing may come between the fragments of a message. */
  #current: Job | undefined;
  #end: { readonly error: unknown } | undefined;
  #sentMessages = 0;
  #sentBytes = 0;

  constructor(
    host: OutboxHost,
    makeWire: (host: Omit<WireHost, "hasClosed">) => Wire,
    flow: FlowWindow | undefined,
    marks: OutboxMarks,
  ) {
    this.#host = host;
    this.#maxQueuedBytes = marks.maxQueuedBytes;
    const quarter = flow ? Math.floor(flow.windowBytes / 4) : MAX_FRAGMENT;
    this.#fragment = Math.min(MAX_FRAGMENT, quarter);
    this.account = new Account(marks.highWaterMark, flow, () => this.#tellLanes());
    this.#wire = makeWire({
      leaving: () => flow?.leaving(),
      flushed: (bytes) => {
        this.account.flush(bytes);
        this.pump();
      },
    });
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
   * Measures a message that is written, awaited or not; what must not be written ends the
   * connection.
   *
   * @returns its wire bytes; 0 when it was refused
   */
  admit(chunk: MessageChunk): number {
    const { queued } = this.account;
    const bytes = chunkBytes(chunk);
    if (bytes === undefined) {
      this.#host.fail(wrongChunk(chunk));
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
    return bytes;
  }

  /** Sends a message at once, or not at all: while others wait, without room, when it is large. */
  sendNow(chunk: MessageChunk, queued: number = 0): boolean {
    if (!this.#isIdle || this.account.socketRoom <= 0) return false;
    const bytes = this.#write(chunk);
    if (bytes === 0) return false;
    this.#sentMessages++;
    this.#hand(bytes, queued);
    return true;
  }

  /** Sends small frames in one piece and at once, or none of them: while others wait, without room. */
  sendRun(chunks: readonly MessageChunk[]): boolean {
    if (!this.#isIdle) return false;
    const room = Math.min(this.account.socketRoom, this.#fragment);
    const bytes = this.#wire.sendRun(chunks, room);
    if (bytes === 0) return false;
    this.#sentMessages += chunks.length;
    this.#hand(bytes, 0);
    return true;
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
    const isPacking = false;
    const message = undefined;
    const sent = deferred<void>();
    const job: Job = { lane, chunk, message, isPacking, sent, offset: 0, left, skips: 0 };
    this.#waiting.push(job);
    return job;
  }

  /** Takes a message when nothing waits and there is room. */
  offer(chunk: MessageChunk): boolean {
    if (chunkBytes(chunk) === undefined) throw wrongChunk(chunk);
    if (!this.#isIdle || this.account.room <= 0) return false;
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
    if (!this.#current && this.#waiting.length === 0) return;
    while (this.account.socketRoom > 0 && this.#host.isOpen()) {
      this.#current ??= this.#takeNext();
      if (!this.#current || this.#current.isPacking) return;
      this.#sendSome(this.#current);
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
    if (index >= 0) giveUp(this.#waiting.splice(index, 1)[0], reason);
    if (this.#current?.lane === lane) this.#current.sent.reject(reason);
    const left = this.#current?.lane === lane ? this.#current.left : 0;
    this.#forget(lane, left);
  }

  /** Ends every lane and settles every write; what was handed over leaves, and nothing more. */
  fail(error: unknown): void {
    if (this.#end) return;
    this.#wire.flush();
    this.#end = { error };
    for (const job of this.#waiting.splice(0)) giveUp(job, error);
    giveUp(this.#current, error);
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
      else if (chosen.skips < MAX_SKIPS && priorityOf(job) > priorityOf(chosen)) best = index;
    }
    const [next] = this.#waiting.splice(best, 1);
    for (const job of this.#waiting) job.skips++;
    return next;
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
    const part = payload.subarray(offset, offset + this.#fragment);
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
    this.#hand(bytes, queued);
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

  #hand(bytes: number, queued: number): void {
    this.#sentBytes += bytes;
    this.account.hand(bytes, queued);
  }

  /** There is room again. */
  #tellLanes(): void {
    for (const lane of this.#lanes) lane.update();
  }
}

/** Settles a job that will never be sent. */
function giveUp(job: Job | undefined, reason: unknown): void {
  if (!job) return;
  leaseOf(job.chunk)?.free();
  job.sent.reject(reason);
}

function priorityOf({ lane }: Job): number {
  return lane?.priority ?? 0;
}
