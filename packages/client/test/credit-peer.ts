import { SpillwayError } from "@spillway/streams";
import {
  type Control,
  type Credit,
  decodeControl,
  encodeControl,
  escapeText,
  INITIAL_CREDIT,
  isMarked,
  Reading,
} from "@spillway/streams/protocol";

type Message = string | Uint8Array;

/** How a peer reaches its client, whatever lies between them. */
export interface Wire {
  send(message: Message): void;
}

/** One lane as its sender sees it. */
interface SentLane {
  readonly sizes: number[];
  read: number;
}

/**
 * The server's part of the subprotocol, to the letter and no more: it notes all that its client does and
 * throws for what the client may not do.
 */
export class CreditPeer {
  readonly #wire: Wire;
  /** What the client may leave unread here. */
  readonly #credit: Credit;
  readonly #reading = new Reading();
  readonly #lanes = new Map<number, SentLane>([[0, { sizes: [], read: 0 }]]);
  #selected = 0;
  #given: Credit = INITIAL_CREDIT;
  /** Received, and not read by this application. */
  readonly unread: Message[] = [];
  readonly heard: Control[] = [];
  /** Messages of the client, in all. */
  received = 0;
  /** The most that the client has left unread here. */
  readonly peak = { bytes: 0, messages: 0 };

  constructor(wire: Wire, credit: Credit = INITIAL_CREDIT) {
    this.#wire = wire;
    this.#credit = credit;
  }

  /** What the client has given: the least there is until it has said more. */
  get given(): Credit {
    return this.#given;
  }

  hello(): void {
    this.say({ type: "hello", version: 1, ...this.#credit });
  }

  say(control: Control): void {
    this.#wire.send(encodeControl(control));
  }

  name(lane: number, name: string): void {
    this.#lanes.set(lane, { sizes: [], read: 0 });
    this.say({ type: "name", lane, name });
  }

  /** Sends a message if there is credit for it. */
  send(message: Message, lane: number = 0): boolean {
    const { bytes, messages } = this.unreadBy(lane);
    if (bytes >= this.#given.bytes || messages >= this.#given.messages) return false;
    this.sendAnyway(message, lane);
    return true;
  }

  sendAnyway(message: Message, lane: number = 0): void {
    if (lane !== this.#selected) this.say({ type: "select", lane });
    this.#selected = lane;
    this.#lane(lane).sizes.push(sizeOf(message));
    this.#wire.send(typeof message === "string" ? escapeText(message) : message);
  }

  ask(lane: number = 0): void {
    if (lane !== this.#selected) this.say({ type: "select", lane });
    this.#selected = lane;
    this.say({ type: "ask" });
  }

  /** Sent on a lane and, as far as the client has said, not read. */
  unreadBy(lane: number): Credit {
    const { sizes, read } = this.#lane(lane);
    const unread = sizes.slice(read);
    return { bytes: unread.reduce((sum, size) => sum + size, 0), messages: unread.length };
  }

  sentOn(lane: number): number {
    return this.#lanes.get(lane)?.sizes.length ?? 0;
  }

  /** This application reads so many messages. */
  read(messages: number): Message[] {
    const taken = this.unread.splice(0, messages);
    this.#answer(this.#reading.take(taken.length));
    return taken;
  }

  /** Something has come from the client. */
  receive(message: Message): void {
    if (typeof message === "string" && isMarked(message)) {
      const control = decodeControl(message);
      if (typeof control === "string") this.#keep(control);
      else this.#obey(control);
    } else this.#keep(message);
  }

  #keep(message: Message): void {
    const bytes = this.unread.reduce((sum, one) => sum + sizeOf(one), 0);
    if (bytes >= this.#credit.bytes || this.unread.length >= this.#credit.messages) {
      throw new SpillwayError("SPW_ERR_CREDIT", `${this.unread.length} of ${bytes} bytes wait`);
    }
    this.received++;
    this.#reading.receive();
    this.unread.push(message);
    this.peak.bytes = Math.max(this.peak.bytes, bytes + sizeOf(message));
    this.peak.messages = Math.max(this.peak.messages, this.unread.length);
  }

  #obey(control: Control): void {
    if (this.heard.length === 0 && control.type !== "hello") throw new Error("no hello");
    this.heard.push(control);
    if (control.type === "hello") this.#given = control;
    else if (control.type === "ask") this.#answer(this.#reading.ask());
    else if (control.type === "answer") {
      const lane = this.#lane(control.lane);
      if (control.messages < lane.read || control.messages > lane.sizes.length) {
        throw new Error(`answered ${control.messages} of ${lane.sizes.length}`);
      }
      lane.read = control.messages;
    } else throw new Error(`said ${control.type}`);
  }

  #answer(messages: number | undefined): void {
    if (messages !== undefined) this.say({ type: "answer", lane: 0, messages });
  }

  #lane(lane: number): SentLane {
    const found = this.#lanes.get(lane);
    if (!found) throw new Error(`no lane ${lane}`);
    return found;
  }
}

function sizeOf(message: Message): number {
  return typeof message === "string"
    ? new TextEncoder().encode(message).byteLength
    : message.byteLength;
}
