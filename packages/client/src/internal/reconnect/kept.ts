import { byteLength, type SentMessage } from "../message.ts";

/** A message, and its number in the connection that it was sent on last. */
interface Kept {
  readonly message: SentMessage;
  readonly bytes: number;
  number: number;
}

/** The last messages that the server is not known to have read, up to so many bytes. */
export class KeptMessages {
  readonly #maxBytes: number;
  /** The oldest first; those that wait to be sent again are behind those that were. */
  readonly #kept: Kept[] = [];
  #bytes = 0;
  /** Where in the line those begin that wait to be sent again. */
  #next = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many were sent on this connection. */
  get inFlight(): number {
    return this.#next;
  }

  /** How many wait to be sent again. */
  get waiting(): number {
    return this.#kept.length - this.#next;
  }

  /** What is to be sent again, before anything new. */
  get next(): SentMessage | undefined {
    return this.#kept[this.#next]?.message;
  }

  /** `next` was sent, as message `number` of the connection. */
  resent(number: number): void {
    (this.#kept[this.#next++] as Kept).number = number;
  }

  /** Something new was sent. It is copied: the application may use its bytes again. */
  sent(message: SentMessage, number: number): void {
    if (this.#maxBytes === 0) return;
    const bytes = byteLength(message);
    this.#kept.push({ message: copy(message), bytes, number });
    this.#next = this.#kept.length;
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) this.#shift();
  }

  /** The server has read so many messages of this connection. */
  read(messages: number): void {
    while (this.#next > 0 && (this.#kept[0] as Kept).number < messages) this.#shift();
  }

  /** The connection is over: all that is left is to be sent again. */
  rewind(): void {
    this.#next = 0;
  }

  /** What was sent on this connection is not kept: its server never tells. */
  forget(): void {
    while (this.#next > 0) this.#shift();
  }

  #shift(): void {
    this.#bytes -= this.#kept.shift()?.bytes ?? 0;
    this.#next = Math.max(0, this.#next - 1);
  }
}

function copy(message: SentMessage): SentMessage {
  if (typeof message === "string") return message;
  if (message instanceof ArrayBuffer) return message.slice(0);
  const { buffer, byteOffset, byteLength: length } = message;
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, length).slice();
}
