import { SpillwayError } from "@spillway/streams";
import { type Credit, INITIAL_CREDIT, MAX_QUESTIONS } from "@spillway/streams/protocol";

/** The parts of a credit after which the peer is asked how far it has read. */
const PARTS = 4;

/** What was sent and the peer's application has not read, against the credit that the peer gave. */
export class CreditWindow {
  #credit: Credit = INITIAL_CREDIT;
  #sent: Credit = { bytes: 0, messages: 0 };
  #read: Credit = this.#sent;
  /** How much had been sent when each open question was put. */
  readonly #questions: Credit[] = [];

  /** Sent since the connection opened. */
  get sent(): Credit {
    return this.#sent;
  }

  /** Sent and, as far as we were told, not read. */
  get unread(): Credit {
    return difference(this.#sent, this.#read);
  }

  /** Whether a message may begin. */
  get isOpen(): boolean {
    const { bytes, messages } = this.unread;
    return bytes < this.#credit.bytes && messages < this.#credit.messages;
  }

  grant(credit: Credit): void {
    this.#credit = credit;
  }

  send(bytes: number): void {
    this.#sent = { bytes: this.#sent.bytes + bytes, messages: this.#sent.messages + 1 };
  }

  /** Whether it is time to ask: about each part of the credit, and about whatever shuts the window. */
  get isDue(): boolean {
    // What was read last is what was asked last, where nothing is open.
    const { bytes, messages } = difference(this.#sent, this.#questions.at(-1) ?? this.#read);
    if (messages === 0) return false;
    const isPart = bytes * PARTS >= this.#credit.bytes || messages * PARTS >= this.#credit.messages;
    return isPart || !this.isOpen;
  }

  /** Whether a question about all that was sent is open. */
  get isAsked(): boolean {
    return this.#questions.at(-1)?.messages === this.#sent.messages;
  }

  /** Asks about all that was sent; `false` while too many questions are open. */
  ask(): boolean {
    if (this.#questions.length === MAX_QUESTIONS) return false;
    this.#questions.push(this.#sent);
    return true;
  }

  /**
   * The peer's application has read so many messages.
   *
   * @throws {@link SpillwayError} with `SPW_ERR_PROTOCOL` if it was not asked whether it has
   */
  answer(messages: number): void {
    const index = this.#questions.findIndex((asked) => asked.messages === messages);
    const read = this.#questions.splice(0, index + 1).at(-1);
    if (!read) {
      throw new SpillwayError(
        "SPW_ERR_PROTOCOL",
        `Cannot take answer: we did not ask about ${messages} messages`,
      );
    }
    this.#read = read;
  }
}

function difference(one: Credit, other: Credit): Credit {
  return { bytes: one.bytes - other.bytes, messages: one.messages - other.messages };
}
