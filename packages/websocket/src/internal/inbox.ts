import { BoundedQueue, type DropReason, type OverflowPolicy } from "@spillway/streams";
import { wireBytes } from "./message.ts";

/** A message from the peer: text as a string, binary as bytes of its own. */
export type ReceivedMessage = string | Uint8Array<ArrayBuffer>;

/** How the inbox reaches the socket. */
export interface InboxHost {
  pause(): void;
  resume(): void;
  dropped(bytes: number, reason: DropReason): void;
  /** `readable` stayed untouched and full. */
  unread(): void;
}

/** Takes everything: TCP is the bound here, and a pause lets one more read through. */
const takeAll: OverflowPolicy<ReceivedMessage> = {
  name: "take-all",
  start: () => ({ admit: () => "queue" }),
};

/** Milliseconds that a full `readable` nobody has touched may hold its connection paused. */
const UNTOUCHED_MS = 10_000;

/** The receive side: messages wait here up to the mark, then TCP pauses until half is read. */
export class Inbox {
  readonly #host: InboxHost;
  readonly #highWaterMark: number;
  readonly #maxQueuedBytes: number;
  readonly #queue: BoundedQueue<ReceivedMessage>;
  #readable: ReadableStream<ReceivedMessage> | undefined;
  #controller: ReadableStreamDefaultController<ReceivedMessage> | undefined;
  #untouched: NodeJS.Timeout | undefined;
  #end: { readonly error: unknown } | "close" | undefined;
  #discarding: boolean;
  #closing = false;
  #paused = false;
  #wanted = false;
  #messages = 0;
  #bytes = 0;

  constructor(
    host: InboxHost,
    options: { highWaterMark: number; maxQueuedBytes: number; receive: "stream" | "discard" },
  ) {
    this.#host = host;
    this.#highWaterMark = options.highWaterMark;
    this.#maxQueuedBytes = options.maxQueuedBytes;
    this.#discarding = options.receive === "discard";
    this.#queue = new BoundedQueue<ReceivedMessage>({
      maxChunks: Infinity,
      overflow: takeAll,
      size: (message) => wireBytes(byteLength(message)),
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
    this.#readable ??= new ReadableStream<ReceivedMessage>(
      {
        start: (controller) => {
          this.#controller = controller;
          if (this.#discarding) controller.close();
          else this.#deliver();
        },
        pull: () => {
          this.#wanted = true;
          this.#deliver();
        },
        cancel: () => this.#discard("cancelled"),
      },
      { highWaterMark: 0 },
    );
    return this.#readable;
  }

  /** Takes a message off the socket. `data` may be a view of a buffer that is used again. */
  receive(data: Buffer, isBinary: boolean): void {
    this.#messages++;
    const bytes = wireBytes(data.byteLength);
    this.#bytes += bytes;
    const isFull = this.#queue.size >= this.#highWaterMark;
    if (this.#discarding || this.#end || (this.#closing && isFull)) {
      this.#host.dropped(bytes, "unread");
      return;
    }
    this.#queue.offer(isBinary ? ownBytes(data) : data.toString());
    this.#deliver();
    if (this.#queue.size >= this.#highWaterMark && !this.#closing) this.#pause();
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
    this.#finish({ error });
    this.#queue.clear("closed");
  }

  #finish(end: { readonly error: unknown } | "close"): void {
    if (this.#end) return;
    this.#end = end;
    clearTimeout(this.#untouched);
    this.#deliver();
  }

  #deliver(): void {
    const controller = this.#controller;
    if (!controller || this.#discarding) return;
    if (this.#end && this.#end !== "close") {
      controller.error(this.#end.error);
      this.#discarding = true;
      return;
    }
    const entry = this.#wanted ? this.#queue.shift() : undefined;
    if (entry) {
      this.#wanted = false;
      if (this.#queue.size <= this.#highWaterMark / 2) this.#resume();
      controller.enqueue(entry.chunk);
    }
    if (this.#end === "close" && this.#queue.length === 0) {
      this.#discarding = true;
      controller.close();
    }
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
    this.#queue.clear(reason);
    this.#resume();
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
