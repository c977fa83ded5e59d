import { SpillwayError } from "@spillway/streams";
import {
  type Deferred,
  deferred,
  EndWriter,
  ignore,
  type Sink,
  WritableEnd,
} from "@spillway/streams/ends";
import { byteLength, type SentMessage, toMessage } from "./message.ts";

/** How what is written leaves, and how it ends. */
export interface OutgoingHost {
  /** Whether messages may leave; while they may not, `wake()` is called later. */
  readonly hasRoom: boolean;
  /** Whether this one may. */
  takes(message: SentMessage): boolean;
  /** @throws where nothing can be sent any more */
  send(message: SentMessage, bytes: number): void;
  /** The producer is done. */
  closed(): void;
  /** The producer gave up. */
  aborted(reason: unknown): void;
  failed(error: SpillwayError): void;
}

/** What is written: a message goes to the socket only while the peer, and the network, take more. */
export class Outgoing implements Sink<SentMessage> {
  readonly #host: OutgoingHost;
  readonly #end: WritableEnd<SentMessage>;
  readonly #maxQueuedBytes: number;
  /** Bytes that wait natively. */
  #queued = 0;
  /** The write that left no room. */
  #written: Deferred<void> | undefined;
  #closing: Deferred<void> | undefined;

  constructor(host: OutgoingHost, maxQueuedBytes: number) {
    this.#host = host;
    this.#maxQueuedBytes = maxQueuedBytes;
    this.#end = new WritableEnd<SentMessage>(this);
  }

  get Writer(): typeof OutgoingWriter {
    return OutgoingWriter;
  }

  get stream(): WritableStream<SentMessage> {
    return this.#end.stream;
  }

  /** Counts a message that nobody may be waiting for. */
  waits(chunk: SentMessage): void {
    this.#queued += weigh(chunk);
    if (this.#queued <= this.#maxQueuedBytes || this.#end.backlog < 2) return;
    const message =
      `Cannot queue message: ${this.#queued} bytes wait and the limit is ${this.#maxQueuedBytes} ` +
      "bytes; await ready, or what write() returns";
    this.#host.failed(new SpillwayError("SPW_ERR_OVERFLOW", message));
  }

  /** A write is over when the next is welcome, so that a producer holds back before it makes more. */
  put(chunk: SentMessage): boolean | Promise<void> {
    try {
      const message = toMessage(chunk);
      if (!this.#host.takes(message)) return false;
      this.#host.send(message, byteLength(message));
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#end.backlog > 0) this.#queued -= weigh(chunk);
    if (this.#host.hasRoom) return true;
    this.#written = deferred();
    return this.#written.promise;
  }

  close(): Promise<void> {
    this.#closing = deferred();
    this.#host.closed();
    return this.#closing.promise;
  }

  abort(reason: unknown): void {
    this.#host.aborted(reason);
  }

  /** There may be room again. */
  wake(): void {
    if (!this.#host.hasRoom) return;
    this.release();
    this.#end.wake();
  }

  /** What the socket was given leaves, or not; nobody waits for it any longer. */
  release(): void {
    this.#written?.resolve();
    this.#written = undefined;
  }

  /** The connection is closed: in order, if the producer meant it. */
  finish(error: unknown): void {
    this.release();
    this.#closing?.resolve();
    if (!this.#closing) this.fail(error);
  }

  /** Errors the stream at once, whatever waits. */
  fail(error: unknown): void {
    this.#closing?.reject(error);
    this.#end.error(error);
  }
}

/** Without running foreign code: what is no text and has no bytes will be text by and by. */
function weigh(chunk: unknown): number {
  const isMessage = typeof chunk === "string" || ArrayBuffer.isView(chunk);
  return isMessage || chunk instanceof ArrayBuffer ? byteLength(chunk) : 1;
}

/** A write that nobody awaits does not end the process when the peer leaves. */
class OutgoingWriter extends EndWriter<SentMessage> {
  override write(chunk: SentMessage): Promise<void> {
    const written = super.write(chunk);
    written.catch(ignore);
    return written;
  }
}
