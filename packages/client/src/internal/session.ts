import { SpillwayError } from "@spillway/streams";
import {
  type Control,
  type Credit,
  decodeControl,
  encodeControl,
  escapeText,
  INITIAL_CREDIT,
  isMarked,
  VERSION,
} from "@spillway/streams/protocol";
import type { ClientSettings } from "../options.ts";
import {
  closedError,
  closeFor,
  connectionError,
  type WebSocketError,
} from "../web-socket-error.ts";
import { watchClosing } from "./closing.ts";
import type { Lanes } from "./lanes.ts";
import { byteLength, type ReceivedMessage, type SentMessage } from "./message.ts";
import { Outgoing, type OutgoingHost } from "./outgoing.ts";
import {
  closeSocket,
  listen,
  OPEN,
  type PlatformClose,
  type PlatformWebSocket,
  sendMessage,
} from "./platform.ts";
import { startTimer } from "./timer.ts";
import { Unsent } from "./unsent.ts";
import { CreditWindow } from "./window.ts";

/** Whether the server keeps to credits; unknown until its first message has come. */
export type CreditState = "agreed" | "none" | "unknown";

/** What a session tells the one who made it. */
export interface SessionHost {
  /** The server keeps to credits, or does not. */
  decided(): void;
  /** The streams got `error`; the connection is closing. */
  failed(error: unknown): void;
  /** The connection is closed, in order or with an error. */
  ended(end: PlatformClose | WebSocketError): void;
}

/** Milliseconds after which a server that has picked our protocol and says nothing counts as one without credits. */
const HELLO_TIMEOUT_MS = 1_000;
/** Bytes that a socket may hold unsent before messages wait. */
const UNSENT_MARK = 262_144;
/** Bytes that a socket may hold unsent before answers wait, and are joined. */
const ANSWER_MARK = 1_048_576;

/** One open connection: what came off the socket goes to its lane, control messages are obeyed. */
export class Session implements OutgoingHost {
  readonly outgoing: Outgoing;
  readonly #socket: PlatformWebSocket;
  readonly #lanes: Lanes;
  readonly #settings: ClientSettings;
  readonly #host: SessionHost;
  readonly #window = new CreditWindow();
  readonly #unsent: Unsent;
  /** How far each lane was read, where the server could not be told yet. */
  readonly #owed = new Map<number, number>();
  readonly #answers: Unsent;
  #credits: CreditState;
  #received: Credit = { bytes: 0, messages: 0 };
  readonly #stopListening: readonly (() => void)[];
  #stopHello: (() => void) | undefined;
  #stopClosing: (() => void) | undefined;

  /** @param isOurs - whether the server has picked a protocol of ours */
  constructor(
    socket: PlatformWebSocket,
    isOurs: boolean,
    lanes: Lanes,
    settings: ClientSettings,
    host: SessionHost,
  ) {
    this.#socket = socket;
    this.#lanes = lanes;
    this.#settings = settings;
    this.#host = host;
    this.#credits = isOurs ? "unknown" : "none";
    this.#unsent = new Unsent(socket, UNSENT_MARK, () => this.outgoing.wake());
    this.#answers = new Unsent(socket, ANSWER_MARK, () => this.#payAnswers());
    this.outgoing = new Outgoing(this, settings.maxQueuedBytes);
    this.#stopListening = [
      listen(socket, "message", ({ data }) => this.#receive(data)),
      listen(socket, "close", (event) => this.#end(event)),
    ];
    if (isOurs) this.#stopHello = startTimer(() => this.#goOnWithout(), HELLO_TIMEOUT_MS);
  }

  get credits(): CreditState {
    return this.#credits;
  }

  get received(): Credit {
    return this.#received;
  }

  get sent(): Credit {
    return this.#window.sent;
  }

  /** Bytes sent that the server's application has not read, as far as we were told. */
  get unreadByServer(): number | undefined {
    return this.#credits === "agreed" ? this.#window.unread.bytes : undefined;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  /** Looks at what the server has picked, once there is someone to be told. */
  start(): void {
    if (this.#credits === "none")
      this.#try(() => this.#requireCredits("it picked no such protocol"));
  }

  /** Begins the closing handshake. What is written and waits does not leave any more. */
  close(closeCode: number | null, reason: string): void {
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

  /** Says how far a lane was read. */
  answer(lane: number, messages: number): void {
    if (this.#socket.readyState !== OPEN) return;
    this.#owed.set(lane, messages);
    if (this.#answers.hasRoom) this.#payAnswers();
    else this.#answers.wait();
  }

  /** Until we know better, what leaves is within the least credit that a server gives. */
  get hasRoom(): boolean {
    if (this.#stopClosing) return true;
    // The server closes: how, we learn in a moment, and that is what fails what waits.
    if (this.#socket.readyState !== OPEN) return false;
    if (!this.#unsent.hasRoom) this.#unsent.wait();
    const isCredited = this.#credits === "agreed" || this.#isUndecided;
    return this.#unsent.hasRoom && (!isCredited || this.#window.isOpen);
  }

  /** What begins like a control message is escaped, or not: it waits until we know. */
  takes(message: SentMessage): boolean {
    const isUnclear = this.#isUndecided && typeof message === "string" && isMarked(message);
    return this.hasRoom && (!isUnclear || this.#stopClosing !== undefined);
  }

  get #isUndecided(): boolean {
    return this.#stopHello !== undefined;
  }

  send(message: SentMessage, bytes: number): void {
    if (this.#stopClosing) throw closedError();
    const isAgreed = this.#credits === "agreed";
    const escaped = isAgreed && typeof message === "string" ? escapeText(message) : message;
    sendMessage(this.#socket, escaped);
    // As it travels: the server may count it so.
    this.#window.send(escaped === message ? bytes : bytes + 1);
    this.#ask();
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
    if (this.#socket.readyState !== OPEN) {
      this.#lanes.dropped(byteLength(message), "closed");
      return;
    }
    this.#try(() => this.#read(message));
  }

  /** What the server does wrong throws, and ends the connection. */
  #try(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.fail(error);
    }
  }

  #read(message: ReceivedMessage): void {
    if (this.#credits === "unknown" && this.#agree(message)) return;
    const isOfText = typeof message === "string" && isMarked(message);
    const read = isOfText && this.#credits === "agreed" ? decodeControl(message) : message;
    if (typeof read === "string" || read instanceof Uint8Array) this.#deliver(read);
    else this.#obey(read);
  }

  #deliver(message: ReceivedMessage): void {
    const bytes = byteLength(message);
    const { bytes: bytesBefore, messages } = this.#received;
    this.#received = { bytes: bytesBefore + bytes, messages: messages + 1 };
    this.#lanes.receive(message, bytes);
  }

  /** What the server says; it begins with a hello, which is not heard here. */
  #obey(control: Control): void {
    switch (control.type) {
      case "name":
        return this.#lanes.name(control.lane, control.name);
      case "select":
        return this.#lanes.select(control.lane);
      case "end":
        return this.#lanes.end(control.lane);
      case "gap":
        return this.#lanes.miss(control.messages);
      case "ask":
        return this.#lanes.ask();
      case "answer":
        return this.#take(control.lane, control.messages);
      default:
        throw broken(`it may not say ${control.type} here`);
    }
  }

  #take(lane: number, messages: number): void {
    if (lane !== 0) throw broken(`we send nothing on lane ${lane}`);
    this.#window.answer(messages);
    this.#ask();
    this.outgoing.wake();
  }

  /** Looks for the hello in the server's first message, and says our own. */
  #agree(message: ReceivedMessage): boolean {
    const hello = readHello(message);
    this.#stopHello?.();
    this.#stopHello = undefined;
    this.#credits = hello ? "agreed" : "none";
    if (hello) this.#exchange(hello);
    else this.#requireCredits("it has said no hello");
    this.#host.decided();
    this.outgoing.wake();
    return hello !== undefined;
  }

  #exchange({ version, bytes, messages }: Control & { readonly type: "hello" }): void {
    if (version !== VERSION) throw broken(`its version is ${version}, want ${VERSION}`);
    if (bytes < INITIAL_CREDIT.bytes || messages < INITIAL_CREDIT.messages) {
      throw broken(`its credit is ${bytes} bytes and ${messages} messages`);
    }
    const { highWaterMark, maxUnreadMessages } = this.#settings;
    const ours = {
      bytes: Math.max(highWaterMark, INITIAL_CREDIT.bytes),
      messages: Math.max(maxUnreadMessages, INITIAL_CREDIT.messages),
    };
    this.#lanes.giveCredit(ours);
    this.#window.grant({ bytes, messages });
    this.#say({ type: "hello", version: VERSION, ...ours });
    this.#ask();
  }

  /** No hello has come so far. If one comes later, it still counts. */
  #goOnWithout(): void {
    this.#stopHello = undefined;
    this.#try(() => this.#requireCredits(`it has said nothing for ${HELLO_TIMEOUT_MS} ms`));
    this.outgoing.wake();
  }

  #requireCredits(why: string): void {
    if (this.#settings.credits === "require") throw broken(`it knows no credits: ${why}`);
  }

  #ask(): void {
    if (this.#credits === "agreed" && this.#window.asks()) this.#say({ type: "ask" });
  }

  #payAnswers(): void {
    for (const [lane, messages] of this.#owed) this.#say({ type: "answer", lane, messages });
    this.#owed.clear();
  }

  #say(control: Control): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(encodeControl(control));
  }

  #end(event: PlatformClose): void {
    for (const stop of this.#stopListening) stop();
    this.#stopHello?.();
    this.#stopClosing?.();
    this.#unsent.stop();
    this.#answers.stop();
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

function readHello(message: ReceivedMessage): (Control & { readonly type: "hello" }) | undefined {
  if (typeof message !== "string" || !isMarked(message)) return undefined;
  try {
    const control = decodeControl(message);
    return typeof control !== "string" && control.type === "hello" ? control : undefined;
  } catch {
    return undefined;
  }
}

/** Browsers may send none of the codes that the protocol names: 4002 is 1002, 4008 is 1008. */
function closeCodeOf(code: unknown): number {
  if (code === "SPW_ERR_PROTOCOL") return 4002;
  return code === "SPW_ERR_CREDIT" || code === "SPW_ERR_OVERFLOW" ? 4008 : 4011;
}

function broken(what: string): SpillwayError {
  return new SpillwayError("SPW_ERR_PROTOCOL", `Cannot follow server: ${what}`);
}
