import { SpillwayError } from "@spillway/streams";
import type { WebSocket } from "ws";
import { type CloseInfo, closeCodes } from "../close-codes.ts";
import { type Deferred, deferred } from "@spillway/streams/ends";
import type { Inbox } from "./inbox.ts";
import type { Outbox } from "./outbox.ts";
import { peerError } from "./peer-error.ts";

/** Milliseconds a peer gets to take a Close frame after its connection has failed. */
const FAIL_GRACE_MS = 1_000;

/**
 * How a connection ends, whoever begins: the peer's Close, ours, a failure, a lost socket. Streams,
 * `closed` and `signal` all learn the same, and a deadline drops the socket whatever the peer does.
 */
export class Ending {
  readonly #socket: WebSocket;
  readonly #closeTimeoutMs: number;
  readonly #stop: () => void;
  #outbox: Outbox | undefined;
  #inbox: Inbox | undefined;
  #closed: Deferred<CloseInfo> | undefined;
  #info: CloseInfo | undefined;
  #abort: AbortController | undefined;
  #error: SpillwayError | undefined;
  /** What the peer was told, or should have been. */
  #told: { readonly closeCode: number; readonly reason: string } | undefined;
  #closing = false;
  /** What the streams of an orderly end error with: one object, so that it can be recognised. */
  #lazyClosedError: SpillwayError | undefined;
  /** What nothing can be sent for any more. */
  #sendError: SpillwayError | undefined;
  /** Whether nobody's reading is waited for. */
  #isDraining = false;
  #deadline: NodeJS.Timeout | undefined;
  #deadlineAt = Infinity;

  /** @param stop - stops what runs beside the streams */
  constructor(socket: WebSocket, closeTimeoutMs: number, stop: () => void) {
    this.#socket = socket;
    this.#closeTimeoutMs = closeTimeoutMs;
    this.#stop = stop;
  }

  /** Takes in the outbox once there is one; tells it what it has missed. */
  tellOutbox(outbox: Outbox): void {
    this.#outbox = outbox;
    if (this.#sendError) outbox.fail(this.#sendError);
  }

  /** Takes in the inbox once there is one; tells it what it has missed. */
  tellInbox(inbox: Inbox): void {
    this.#inbox = inbox;
    if (this.#isDraining) inbox.drain();
    if (this.#info && this.#error && this.#error === this.#lazyClosedError) inbox.close();
    else if (this.#error) inbox.fail(this.#error);
  }

  get isOver(): boolean {
    return this.#info !== undefined;
  }

  get closed(): Promise<CloseInfo> {
    if (!this.#closed) {
      this.#closed = deferred();
      if (this.#info) this.#closed.resolve(this.#info);
    }
    return this.#closed.promise;
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#error) this.#abort.abort(this.#error);
    }
    return this.#abort.signal;
  }

  /** What the streams ended with. */
  get error(): SpillwayError | undefined {
    return this.#error;
  }

  get #closedError(): SpillwayError {
    const message = "Cannot send message: the connection is closed";
    this.#lazyClosedError ??= new SpillwayError("SPW_ERR_CLOSED", message);
    return this.#lazyClosedError;
  }

  /** Whether data may still follow what was sent. Notices a Close that `ws` has answered itself. */
  checkOpen(): boolean {
    const socket = this.#socket;
    if (socket.readyState === socket.OPEN) return !this.#error;
    if (!this.#error && !this.#closing && socket.readyState === socket.CLOSING) {
      this.#closing = true;
      this.#arm(this.#closeTimeoutMs);
      queueMicrotask(() => this.#failSending(this.#closedError));
    }
    return false;
  }

  /** The end is in sight: it must come within `deadlineMs`. */
  expect(deadlineMs: number): void {
    if (!this.#closing && !this.#error) this.#arm(deadlineMs);
  }

  /** Sends what has been written, or drops it, and then a Close frame. */
  close(closeCode: number, reason: string, drain: "flush" | "discard", deadlineMs: number): void {
    if (this.isOver) return;
    this.#arm(deadlineMs);
    if (this.#closing) return;
    const [socket, outbox] = [this.#socket, this.#outbox];
    this.#closing = true;
    this.#drain();
    const tell = (): void => {
      if (this.#error || this.isOver) return;
      this.#told = { closeCode, reason };
      this.#failSending(this.#closedError);
      socket.close(closeCode, reason);
    };
    if (outbox && drain === "flush") outbox.flush(tell);
    else tell();
  }

  /** Errors both streams at once and tells the peer why, as far as it still listens. */
  fail(error: SpillwayError): void {
    if (this.#error || this.isOver) return;
    const socket = this.#socket;
    const closeCode = closeCodes[error.code];
    this.#settle(error);
    if (closeCode === undefined) {
      socket.terminate();
      return;
    }
    const reason = shortReason(error.message);
    this.#told ??= { closeCode, reason };
    this.#closing = true;
    this.#drain();
    socket.close(closeCode, reason);
    this.#arm(FAIL_GRACE_MS);
  }

  /** Errors both streams and drops the socket, both at once. */
  terminate(error: SpillwayError): void {
    if (this.isOver) return;
    this.#settle(error);
    this.#socket.terminate();
  }

  /** `ws` reports what the peer did wrong and closes by itself. */
  lost(cause: Error): void {
    if (this.isOver || this.#error) return;
    const { error, closeCode } = peerError(cause);
    if (closeCode !== 1006) this.#told ??= { closeCode, reason: shortReason(error.message) };
    this.#settle(error);
    this.#arm(FAIL_GRACE_MS);
  }

  #settle(error: SpillwayError): void {
    if (this.#error) return;
    this.#error = error;
    this.#failSending(error);
    this.#inbox?.fail(error);
    this.#abort?.abort(error);
  }

  #failSending(error: SpillwayError): void {
    this.#sendError ??= error;
    this.#outbox?.fail(error);
  }

  #drain(): void {
    this.#isDraining = true;
    this.#inbox?.drain();
  }

  /** Drops the socket in `deadlineMs`, or when it was to be dropped already. */
  #arm(deadlineMs: number): void {
    const at = performance.now() + deadlineMs;
    if (at >= this.#deadlineAt) return;
    this.#deadlineAt = at;
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      const message = `Cannot finish the closing handshake: the limit is ${deadlineMs} ms`;
      this.terminate(this.#error ?? new SpillwayError("SPW_ERR_TIMEOUT", message));
    }, deadlineMs).unref();
  }

  /** The socket is gone. */
  over(seen: CloseInfo): void {
    clearTimeout(this.#deadline);
    this.#stop();
    this.#info = seen.wasClean ? seen : { ...seen, ...this.#told };
    if (!this.#error && seen.wasClean) {
      this.#error = this.#closedError;
      this.#failSending(this.#error);
      this.#inbox?.close();
      this.#abort?.abort(this.#error);
    } else {
      const message = `Cannot reach peer: the connection was lost without a Close frame`;
      this.#settle(new SpillwayError("SPW_ERR_RESET", message));
    }
    this.#closed?.resolve(this.#info);
  }
}

/** RFC 6455 section 5.5: a control frame holds 125 bytes, two of which are the code. */
function shortReason(message: string): string {
  const bytes = new TextEncoder().encode(message);
  if (bytes.byteLength <= 123) return message;
  return new TextDecoder().decode(bytes.subarray(0, 120)).replace(/\uFFFD$/u, "") + "...";
}
