import { SpillwayError } from "@spillway/streams";
import { EndWriter, type Sink, WritableEnd } from "@spillway/streams/ends";
import { type Deferred, deferred, ignore } from "./deferred.ts";
import { byteLength, type SentMessage, snapshot, toMessage } from "./message.ts";

/** How what is written leaves, and how it ends. */
export interface OutgoingHost {
  /** Sends a message, unless it has to wait: then `wake()` is called. */
  send(message: SentMessage, bytes: number): boolean;
  /** The producer is done; resolves once the connection is closed. */
  closed(): void;
  /** The producer gave up. */
  aborted(reason: unknown): void;
  failed(error: SpillwayError): void;
}

/** What is written: a message goes to the socket only while the peer, or the network, takes some. */
export class Outgoing implements Sink<SentMessage> {
  readonly #host: OutgoingHost;
  readonly #end: WritableEnd<SentMessage>;
  readonly #maxQueuedBytes: number;
  /** Bytes that wait natively. */
  #queued = 0;
  /** A message that has to wait, as it was when it was written. */
  #stalled: { readonly chunk: unknown; readonly message: SentMessage } | undefined;
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

  /** Whether a message waits for room. */
  get isStalled(): boolean {
    return this.#stalled !== undefined;
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

  put(chunk: SentMessage): boolean | Promise<void> {
    const isRetried = this.#stalled?.chunk === chunk;
    try {
      // Foreign code may run in here, so it does once for each message.
      const message = isRetried && this.#stalled ? this.#stalled.message : toMessage(chunk);
      if (!this.#host.send(message, byteLength(message))) {
        this.#stalled = isRetried ? this.#stalled : { chunk, message: snapshot(message) };
        return false;
      }
    } catch (error) {
      return Promise.reject(error);
    }
    this.#stalled = undefined;
    if (this.#end.backlog > 0) this.#queued -= weigh(chunk);
    return true;
  }

  close(): Promise<void> {
    this.#closing = deferred();
    this.#host.closed();
    return this.#closing.promise;
  }

  abort(reason: unknown): void {
    this.#stalled = undefined;
    this.#host.aborted(reason);
  }

  /** There may be room again. */
  wake(): void {
    this.#end.wake();
  }

  /** The connection is closed: in order, if the producer meant it. */
  finish(error: unknown): void {
    this.#closing?.resolve();
    if (!this.#closing) this.fail(error);
  }

  /** Errors the stream at once, whatever waits. */
  fail(error: unknown): void {
    this.#stalled = undefined;
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
