import { BoundedQueue, type DropReason } from "@spillway/streams";
import { EMPTY, ReadableEnd, type Source } from "@spillway/streams/ends";
import { type Credit, INITIAL_CREDIT, overdrawn, Reading } from "@spillway/streams/protocol";
import { wireBytes } from "./header.ts";

/** A message from the peer: text as a string, binary as bytes of its own. */
export type ReceivedMessage = string | Uint8Array<ArrayBuffer>;

/** How the inbox reaches the socket. */
export interface InboxHost {
  pause(): void;
  resume(): void;
  dropped(bytes: number, reason: DropReason): void;
  /** `readable` stayed untouched and full. */
  unread(): void;
  /** So many messages were read, and the peer has asked. */
  read(messages: number): void;
}

/** Milliseconds that a full `readable` nobody has touched may hold its connection paused. */
const UNTOUCHED_MS = 10_000;

/** Messages that a peer with credit may leave unread here. */
const CREDIT_MESSAGES = 1_024;

/**
 * The receive side: messages wait here up to the mark, then TCP pauses until half is read. A peer with credit
 * stops by itself; to pause would hide what it says of what it reads, and each end might wait for the other.
 */
export class Inbox implements Source<ReceivedMessage> {
  /** What a peer with credit may leave unread. */
  readonly credit: Credit;
  readonly #host: InboxHost;
  readonly #highWaterMark: number;
  readonly #maxQueuedBytes: number;
  readonly #queue: BoundedQueue<ReceivedMessage>;
  /** Of a peer with credit. */
  readonly #reading: Reading | undefined;
  #readable: ReadableEnd<ReceivedMessage> | undefined;
  #untouched: NodeJS.Timeout | undefined;
  #end: { readonly error: unknown } | "close" | undefined;
  #discarding: boolean;
  #closing = false;
  #paused = false;
  #messages = 0;
  #bytes = 0;

  constructor(
    host: InboxHost,
    options: { highWaterMark: number; maxQueuedBytes: number; receive: "stream" | "discard" },
    hasCredit: boolean = false,
  ) {
    this.#host = host;
    const bytes = Math.max(options.highWaterMark, INITIAL_CREDIT.bytes);
    this.credit = { bytes, messages: CREDIT_MESSAGES };
    this.#reading = hasCredit ? new Reading() : undefined;
    this.#highWaterMark = options.highWaterMark;
    this.#maxQueuedBytes = options.maxQueuedBytes;
    this.#discarding = options.receive === "discard";
    this.#queue = new BoundedQueue<ReceivedMessage>({
      // It takes everything: TCP is the bound here, and a pause lets one more read through.
      maxChunks: Infinity,
      size: hasCredit ? byteLength : (message) => wireBytes(byteLength(message)),
      onDrop: ({ size }, reason) => host.dropped(size, reason),
    });
  }

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get queued(): number {
    return this.#queue.size;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get readable(): ReadableStream<ReceivedMessage> {
    clearTimeout(this.#untouched);
    if (!this.#readable) {
      this.#readable = new ReadableEnd<ReceivedMessage>(this);
      if (this.#discarding) this.#readable.close();
      else this.#tellEnd();
    }
    return this.#readable.stream;
  }

  take(): ReceivedMessage | typeof EMPTY {
    const entry = this.#queue.shift();
    if (!entry) return EMPTY;
    this.#tellRead(this.#reading?.take());
    if (this.#queue.size <= this.#highWaterMark / 2) this.#resume();
    this.#tellEnd();
    return entry.chunk;
  }

  cancel(): void {
    this.#discard("cancelled");
  }

  /**
   * Takes a message off the socket. `data` may be a view of a buffer that is used again.
   *
   * @throws SpillwayError with `SPW_ERR_CREDIT` if the peer had none left
   */
  receive(data: Buffer, isBinary: boolean): void {
    this.#reading?.receive();
    this.#checkCredit();
    this.#messages++;
    const bytes = wireBytes(data.byteLength);
    this.#bytes += bytes;
    const isFull = this.#queue.size >= this.#highWaterMark;
    if (this.#discarding || this.#end || (this.#closing && isFull)) {
      this.#host.dropped(bytes, "unread");
      this.#tellRead(this.#reading?.take());
      return;
    }
    this.#queue.offer(isBinary ? ownBytes(data) : data.toString());
    this.#readable?.wake();
    if (this.#reading) return;
    if (this.#queue.size >= this.#highWaterMark && !this.#closing) this.#pause();
  }

  /**
   * The peer wants to know when all that came was read.
   *
   * @throws SpillwayError with `SPW_ERR_CREDIT` if it asks too often
   */
  ask(): void {
    this.#tellRead(this.#reading?.ask());
  }

  /** Lets one read through, so that the peer's end is noticed, unless too much waits already. */
  probe(): void {
    if (this.#paused && this.#queue.size < this.#maxQueuedBytes) this.#resume();
  }

  /** We are closing: reading goes on, but never waits for the reader again. */
  drain(): void {
    this.#closing = true;
    this.#resume();
  }

  /** Closes the readable behind what it has not delivered yet. */
  close(): void {
    this.#finish("close");
  }

  /** Errors the readable at once. */
  fail(error: unknown): void {
    if (this.#end) return;
    this.#queue.clear("closed");
    this.#finish({ error });
  }

  #finish(end: { readonly error: unknown } | "close"): void {
    if (this.#end) return;
    this.#end = end;
    clearTimeout(this.#untouched);
    this.#tellEnd();
  }

  /** Once what is queued has been read. */
  #tellEnd(): void {
    if (!this.#end || !this.#readable || this.#queue.length > 0) return;
    this.#discarding = true;
    if (this.#end === "close") this.#readable.close();
    else this.#readable.error(this.#end.error);
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#host.pause();
    if (this.#readable) return;
    this.#untouched ??= setTimeout(() => {
      if (this.#end) return;
      this.#host.unread();
      this.#discard("unread");
    }, UNTOUCHED_MS).unref();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#host.resume();
  }

  #discard(reason: DropReason): void {
    this.#discarding = true;
    const unread = this.#queue.length;
    this.#queue.clear(reason);
    this.#tellRead(this.#reading?.take(unread));
    this.#resume();
  }

  #checkCredit(): void {
    if (!this.#reading) return;
    const { bytes, messages } = this.credit;
    if (this.#queue.size >= bytes || this.#reading.unread > messages) {
      const unread = `${this.#queue.size} bytes and ${this.#reading.unread} messages are unread`;
      throw overdrawn(unread, `${bytes} bytes and ${messages} messages`);
    }
  }

  #tellRead(messages: number | undefined): void {
    if (messages !== undefined) this.#host.read(messages);
  }
}

function byteLength(message: ReceivedMessage): number {
  return typeof message === "string" ? Buffer.byteLength(message) : message.byteLength;
}

/** A small message is copied, so that keeping it does not keep the read buffer it came in. */
function ownBytes(data: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength: length } = data;
  const isOwn = buffer instanceof ArrayBuffer && length * 2 >= buffer.byteLength;
  return isOwn ? new Uint8Array(buffer, byteOffset, length) : new Uint8Array(data);
}

export function warnOfUnread(id: string): void {
  process.emitWarning(
    `Connection ${id} receives messages that nobody reads: they are discarded from now on; ` +
      'read connection.readable or accept with receive: "discard"',
    { code: "SPW_WARN_UNREAD" },
  );
}
