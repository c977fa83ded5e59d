import type { DropReason } from "@spillway/streams";
import { EMPTY, ReadableEnd, type Source } from "@spillway/streams/ends";
import { outOfRange, wrongType } from "@spillway/streams/options";
import { type Credit, overdrawn, Reading } from "@spillway/streams/protocol";
import type { ClientSettings } from "../options.ts";
import type { UnreadQueue } from "../unread-queue.ts";
import { byteLength, type ReceivedMessage } from "./message.ts";
import { Unread } from "./unread.ts";

/** What the messages of a lane lead to. */
export interface IncomingHost {
  /** The application has read so many messages, and the server wants to know. */
  answer(incoming: Incoming, messages: number): void;
  /** The application wants no more. */
  cancelled(incoming: Incoming, reason: unknown): void;
  dropped(bytes: number, reason: DropReason): void;
  /** The queue cannot go on: too much waits, or a queue of the user's broke. */
  failed(error: unknown): void;
}

/** What a lane receives: messages wait in our queue, never in the platform's, until a reader takes them. */
export class Incoming implements Source<ReceivedMessage> {
  /** The server's number of the lane, once it has one. */
  number: number | undefined;
  readonly #host: IncomingHost;
  readonly #reading = new Reading();
  #queue: UnreadQueue;
  /** What the server may leave unread, once credits are agreed on. */
  #credit: Credit | undefined;
  #state: "open" | "closing" | "done" = "open";
  #isEnded = false;
  readonly #end: ReadableEnd<ReceivedMessage>;

  constructor(host: IncomingHost, settings: ClientSettings) {
    this.#host = host;
    const { maxUnreadMessages, highWaterMark, overflow } = settings;
    this.#queue = this.#makeQueue(maxUnreadMessages, highWaterMark, overflow);
    this.#end = new ReadableEnd<ReceivedMessage>(this);
  }

  get stream(): ReadableStream<ReceivedMessage> {
    return this.#end.stream;
  }

  get unread(): Credit {
    return { bytes: this.#queue.size, messages: this.#queue.length };
  }

  /** Whether the server, or the connection, has ended it. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The server waits for credit from the first message on: nothing is dropped, or we say so. */
  giveCredit(credit: Credit): void {
    this.#credit = credit;
    this.#queue = this.#makeQueue(Infinity, Infinity, "error");
  }

  /** @throws {@link SpillwayError} with `SPW_ERR_CREDIT` for a message without credit */
  receive(message: ReceivedMessage, bytes: number): void {
    this.#checkCredit();
    this.#reading.receive();
    if (this.#state !== "open") {
      this.#host.dropped(bytes, "cancelled");
      this.#read(1);
      return;
    }
    try {
      const verdict = this.#queue.offer(message, bytes);
      if (verdict === "wait") throw outOfRange("overflow", "a policy that drops", verdict);
    } catch (error) {
      this.#host.failed(error);
      return;
    }
    this.#end.wake();
  }

  /** @throws {@link SpillwayError} with `SPW_ERR_CREDIT` if too many questions are open */
  ask(): void {
    const answered = this.#reading.ask();
    if (answered !== undefined) this.#host.answer(this, answered);
  }

  take(): ReceivedMessage | typeof EMPTY {
    try {
      const entry = this.#queue.shift();
      if (entry) this.#read(1);
      if (this.#state === "closing" && this.#queue.length === 0) this.#finish();
      return entry ? entry.chunk : EMPTY;
    } catch (error) {
      this.#host.failed(error);
      return EMPTY;
    }
  }

  cancel(reason: unknown): void {
    this.#state = "done";
    this.#discard("cancelled");
    this.#host.cancelled(this, reason);
  }

  /** Closes the stream behind what waits. */
  close(): void {
    this.#isEnded = true;
    if (this.#state !== "open") return;
    this.#state = "closing";
    if (this.#queue.length === 0) this.#finish();
  }

  /** Errors the stream at once. */
  fail(error: unknown): void {
    this.#isEnded = true;
    if (this.#state === "done") return;
    this.#state = "done";
    this.#end.error(error);
    this.#discard("closed");
  }

  #finish(): void {
    this.#state = "done";
    this.#end.close();
  }

  #discard(reason: DropReason): void {
    const { length } = this.#queue;
    this.#queue.clear(reason);
    this.#read(length);
  }

  #read(messages: number): void {
    const answered = this.#reading.take(messages);
    if (answered !== undefined) this.#host.answer(this, answered);
  }

  #checkCredit(): void {
    if (!this.#credit) return;
    const { bytes, messages } = this.unread;
    if (bytes < this.#credit.bytes && messages < this.#credit.messages) return;
    throw overdrawn(
      `${messages} messages of ${bytes} bytes are unread`,
      `${this.#credit.messages} messages or ${this.#credit.bytes} bytes`,
    );
  }

  #makeQueue(
    maxChunks: number,
    maxSize: number,
    overflow: ClientSettings["overflow"],
  ): UnreadQueue {
    const bounds = {
      maxChunks,
      maxSize,
      size: byteLength,
      onDrop: ({ size }: { readonly size: number }, reason: DropReason) =>
        this.#host.dropped(size, reason),
    };
    if (typeof overflow !== "function") return new Unread(bounds, overflow);
    const queue = overflow(bounds);
    if (typeof queue?.offer === "function") return queue;
    throw wrongType("overflow", "a function that makes a BoundedQueue", queue);
  }
}
