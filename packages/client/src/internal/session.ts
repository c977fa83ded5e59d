import type { ClientSettings } from "../options.ts";
import {
  closedError,
  closeFor,
  connectionError,
  type WebSocketError,
} from "../web-socket-error.ts";
import { watchClosing } from "./closing.ts";
import { Dialogue } from "./dialogue.ts";
import type { Lanes } from "./lanes.ts";
import { byteLength, type SentMessage } from "./message.ts";
import { Outgoing, type OutgoingHost } from "./outgoing.ts";
import {
  closeSocket,
  listen,
  OPEN,
  type PlatformClose,
  type PlatformWebSocket,
} from "./platform.ts";
import { Unsent } from "./unsent.ts";

/** What a session tells the one who made it. */
export interface SessionHost {
  /** The server keeps to credits, or does not. */
  decided(): void;
  /** The streams got `error`; the connection is closing. */
  failed(error: unknown): void;
  /** The connection is closed, in order or with an error. */
  ended(end: PlatformClose | WebSocketError): void;
}

/** Bytes that a socket may hold unsent before messages wait. */
const UNSENT_MARK = 262_144;

/** One open connection, from its opening to its end. */
export class Session implements OutgoingHost {
  readonly outgoing: Outgoing;
  readonly dialogue: Dialogue;
  readonly #socket: PlatformWebSocket;
  readonly #lanes: Lanes;
  readonly #host: SessionHost;
  readonly #unsent: Unsent;
  readonly #stopListening: readonly (() => void)[];
  #stopClosing: (() => void) | undefined;
  #isOver = false;

  /**
   * @param isOurs - whether the server has picked a protocol of ours
   * @param outgoing - one that outlives this connection, if there is one
   */
  constructor(
    socket: PlatformWebSocket,
    isOurs: boolean,
    lanes: Lanes,
    settings: ClientSettings,
    host: SessionHost,
    outgoing?: Outgoing,
  ) {
    this.#socket = socket;
    this.#lanes = lanes;
    this.#host = host;
    this.#unsent = new Unsent(socket, UNSENT_MARK, () => this.outgoing.wake());
    this.outgoing = outgoing ?? new Outgoing(this, settings.maxQueuedBytes);
    this.dialogue = new Dialogue(socket, isOurs, lanes, settings, {
      decided: () => host.decided(),
      wake: () => this.outgoing.wake(),
      fail: (error) => this.fail(error),
    });
    this.#stopListening = [
      listen(socket, "message", ({ data }) => this.#receive(data)),
      listen(socket, "close", (event) => this.#end(event)),
    ];
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  /** Begins the closing handshake. What is written and waits does not leave any more. */
  close(closeCode: number | null, reason: string): void {
    if (this.#isOver) return;
    if (this.#socket.readyState === OPEN) closeSocket(this.#socket, closeCode, reason);
    this.#stopClosing ??= watchClosing(this.#socket, () => {
      this.#end({ code: 1006, reason: "", wasClean: false });
    });
    // Also for what waits: it fails at once.
    this.outgoing.release();
    this.outgoing.wake();
  }

  /** Errors all streams at once, and tells the server. */
  fail(error: unknown): void {
    this.#lanes.fail(error);
    this.outgoing.fail(error);
    this.#host.failed(error);
    const { code } = error as { code?: unknown };
    this.close(closeCodeOf(code), String(code));
  }

  get hasRoom(): boolean {
    if (this.#stopClosing) return true;
    // The server closes: how, we learn in a moment, and that is what fails what waits.
    if (this.#socket.readyState !== OPEN) return false;
    if (!this.#unsent.hasRoom) this.#unsent.wait();
    return this.#unsent.hasRoom && this.dialogue.hasCredit;
  }

  takes(message: SentMessage): boolean {
    return this.hasRoom && (this.dialogue.knows(message) || this.#stopClosing !== undefined);
  }

  send(message: SentMessage, bytes: number): void {
    if (this.#stopClosing) throw closedError();
    this.dialogue.send(message, bytes);
  }

  closed(): void {
    this.close(null, "");
  }

  aborted(reason: unknown): void {
    const { closeCode, reason: text } = closeFor(reason);
    this.close(closeCode, text);
  }

  failed(error: unknown): void {
    this.fail(error);
  }

  #receive(received: string | ArrayBuffer): void {
    const message = typeof received === "string" ? received : new Uint8Array(received);
    if (this.#socket.readyState === OPEN) this.dialogue.receive(message);
    else this.#lanes.dropped(byteLength(message), "closed");
  }

  #end(event: PlatformClose): void {
    for (const stop of this.#stopListening) stop();
    this.#isOver = true;
    this.dialogue.stop();
    this.#stopClosing?.();
    this.#unsent.stop();
    const { reason, wasClean } = event;
    // Not every platform says so: with messages that did not leave it was not in order.
    if (wasClean && this.#unsent.hasRoom) {
      this.#lanes.close();
      this.outgoing.finish(closedError());
      this.#host.ended(event);
      return;
    }
    const error = connectionError("Connection was not closed cleanly", {
      closeCode: event.code || 1006,
      reason,
    });
    this.#lanes.fail(error);
    this.outgoing.fail(error);
    this.#host.ended(error);
  }
}

/** Browsers may send none of the codes that the protocol names: 4002 is 1002, 4008 is 1008. */
function closeCodeOf(code: unknown): number {
  if (code === "SPW_ERR_PROTOCOL") return 4002;
  return code === "SPW_ERR_CREDIT" || code === "SPW_ERR_OVERFLOW" ? 4008 : 4011;
}
