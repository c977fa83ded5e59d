import {
  type Control,
  type Credit,
  creditOf,
  decodeControl,
  encodeControl,
  escapeText,
  type Hello,
  INITIAL_CREDIT,
  isMarked,
  VERSION,
} from "@spillway/streams/protocol";
import type { ClientSettings } from "../options.ts";
import { broken, type Lanes } from "./lanes.ts";
import { byteLength, type ReceivedMessage, type SentMessage } from "./message.ts";
import { OPEN, type PlatformWebSocket, sendMessage } from "./platform.ts";
import { startTimer } from "./timer.ts";
import { Unsent } from "./unsent.ts";
import { CreditWindow } from "./window.ts";

/** Whether the server keeps to credits; unknown until its first message has come. */
export type CreditState = "agreed" | "none" | "unknown";

/** What a dialogue leads to. */
export interface DialogueHost {
  /** The server keeps to credits, or does not. */
  decided(): void;
  /** More may be sent than before. */
  wake(): void;
  /** The server did what it may not. */
  fail(error: unknown): void;
}

/** Milliseconds after which a server that has picked our protocol and says nothing counts as one without credits. */
const HELLO_TIMEOUT_MS = 1_000;
/** Bytes that a socket may hold unsent before answers wait, and are joined. */
const ANSWER_MARK = 1_048_576;

/** What client and server tell each other besides data: here control messages are told from it, obeyed and said. */
export class Dialogue {
  readonly #socket: PlatformWebSocket;
  readonly #lanes: Lanes;
  readonly #settings: ClientSettings;
  readonly #host: DialogueHost;
  readonly #window = new CreditWindow();
  /** How far each lane was read, where the server could not be told yet. */
  readonly #owed = new Map<number, number>();
  readonly #answers: Unsent;
  #state: CreditState;
  #received: Credit = { bytes: 0, messages: 0 };
  #stopHello: (() => void) | undefined;

  /** @param isOurs - whether the server has picked a protocol of ours */
  constructor(
    socket: PlatformWebSocket,
    isOurs: boolean,
    lanes: Lanes,
    settings: ClientSettings,
    host: DialogueHost,
  ) {
    this.#socket = socket;
    this.#lanes = lanes;
    this.#settings = settings;
    this.#host = host;
    this.#answers = new Unsent(socket, ANSWER_MARK, () => this.#payAnswers());
    this.#state = isOurs ? "unknown" : "none";
    if (isOurs) this.#stopHello = startTimer(() => this.#goOnWithout(), HELLO_TIMEOUT_MS);
  }

  get state(): CreditState {
    return this.#state;
  }

  get received(): Credit {
    return this.#received;
  }

  get sent(): Credit {
    return this.#window.sent;
  }

  /** Sent and, as far as a server with credits has told, not read by its application. */
  get unreadByServer(): Credit {
    return this.#window.unread;
  }

  /** Until we know better, what leaves is within the least credit that a server gives. */
  get hasCredit(): boolean {
    const isCredited = this.#state === "agreed" || this.#isUndecided;
    return !isCredited || this.#window.isOpen;
  }

  /** Whether it is known how to send that: what begins like a control message is escaped, or not. */
  knows(message: SentMessage): boolean {
    return !this.#isUndecided || typeof message !== "string" || !isMarked(message);
  }

  /** Looks at what the server has picked, once there is someone to be told. */
  start(): void {
    if (this.#state === "none") this.#try(() => this.#require("it picked no such protocol"));
  }

  stop(): void {
    this.#stopHello?.();
    this.#answers.stop();
  }

  send(message: SentMessage, bytes: number): void {
    const isText = typeof message === "string";
    const escaped = isText && this.#state === "agreed" ? escapeText(message) : message;
    sendMessage(this.#socket, escaped);
    // As it travels: the server may count it so.
    this.#window.send(escaped === message ? bytes : bytes + 1);
    this.#ask();
  }

  /** Says how far a lane was read. */
  answer(lane: number, messages: number): void {
    if (this.#socket.readyState !== OPEN) return;
    this.#owed.set(lane, messages);
    if (this.#answers.hasRoom) this.#payAnswers();
    else this.#answers.wait();
  }

  /** Asks the server how far its application has read, unless it was; `false` if it cannot be asked now. */
  ask(): boolean {
    if (this.#state !== "agreed" || this.#socket.readyState !== OPEN) return false;
    if (this.#window.isAsked) return true;
    if (!this.#window.ask()) return false;
    this.#say({ type: "ask" });
    return true;
  }

  receive(message: ReceivedMessage): void {
    this.#try(() => this.#read(message));
  }

  /** What the server does wrong throws, and ends the connection. */
  #try(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#host.fail(error);
    }
  }

  get #isUndecided(): boolean {
    return this.#stopHello !== undefined;
  }

  #read(message: ReceivedMessage): void {
    if (this.#state === "unknown" && this.#agree(message)) return;
    const isOfText = typeof message === "string" && isMarked(message);
    const read = isOfText && this.#state === "agreed" ? decodeControl(message) : message;
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
    this.#host.wake();
  }

  /** Looks for the hello in the server's first message, and says our own. */
  #agree(message: ReceivedMessage): boolean {
    const hello = readHello(message);
    this.#stopHello?.();
    this.#stopHello = undefined;
    this.#state = hello ? "agreed" : "none";
    if (hello) this.#exchange(hello);
    else this.#require("it has said no hello");
    this.#host.decided();
    this.#host.wake();
    return hello !== undefined;
  }

  #exchange(hello: Hello): void {
    const theirs = creditOf(hello);
    const { highWaterMark, maxUnreadMessages } = this.#settings;
    const ours = {
      bytes: Math.max(highWaterMark, INITIAL_CREDIT.bytes),
      messages: Math.max(maxUnreadMessages, INITIAL_CREDIT.messages),
    };
    this.#lanes.giveCredit(ours);
    this.#window.grant(theirs);
    this.#say({ type: "hello", version: VERSION, ...ours });
    this.#ask();
  }

  /** No hello has come so far. If one comes later, it still counts. */
  #goOnWithout(): void {
    this.#stopHello = undefined;
    this.#try(() => this.#require(`it has said nothing for ${HELLO_TIMEOUT_MS} ms`));
    this.#host.wake();
  }

  #require(why: string): void {
    if (this.#settings.credits === "require") throw broken(`it knows no credits: ${why}`);
  }

  #ask(): void {
    if (this.#state === "agreed" && this.#window.isDue) this.ask();
  }

  #payAnswers(): void {
    for (const [lane, messages] of this.#owed) this.#say({ type: "answer", lane, messages });
    this.#owed.clear();
  }

  #say(control: Control): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(encodeControl(control));
  }
}

function readHello(message: ReceivedMessage): Hello | undefined {
  if (typeof message !== "string" || !isMarked(message)) return undefined;
  try {
    const control = decodeControl(message);
    return typeof control !== "string" && control.type === "hello" ? control : undefined;
  } catch {
    return undefined;
  }
}
