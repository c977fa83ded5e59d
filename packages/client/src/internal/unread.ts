import { type DropReason, SpillwayError, type Verdict } from "@spillway/streams";
import { fits, SizedFifo } from "@spillway/streams/ends";
import type { OverflowWord } from "../options.ts";
import type { UnreadBounds, UnreadQueue } from "../unread-queue.ts";
import type { ReceivedMessage } from "./message.ts";

/**
 * The queue of who asks for none of their own. It weighs a sixth of a `BoundedQueue`, which every page
 * would carry and few need: with credits nothing is ever dropped.
 */
export class Unread implements UnreadQueue {
  readonly maxChunks: number;
  readonly maxSize: number;
  readonly #onDrop: UnreadBounds["onDrop"];
  readonly #overflow: OverflowWord;
  readonly #messages = new SizedFifo<ReceivedMessage>();

  constructor({ maxChunks, maxSize, onDrop }: UnreadBounds, overflow: OverflowWord) {
    this.maxChunks = maxChunks;
    this.maxSize = maxSize;
    this.#onDrop = onDrop;
    this.#overflow = overflow;
  }

  get length(): number {
    return this.#messages.length;
  }

  get size(): number {
    return this.#messages.size;
  }

  /** @throws {@link SpillwayError} with `SPW_ERR_OVERFLOW` where nothing may be dropped */
  offer(message: ReceivedMessage, bytes: number): Exclude<Verdict, "overflow"> {
    if (this.#overflow === "latest") this.clear("replaced");
    while (!fits(bytes, this)) {
      if (this.#overflow === "drop-oldest") this.#drop("oldest");
      else return this.#refuse(bytes);
    }
    this.#messages.push(message, bytes);
    return "queue";
  }

  shift(): { readonly chunk: ReceivedMessage } | undefined {
    return this.length > 0 ? { chunk: this.#messages.shift() } : undefined;
  }

  clear(reason: DropReason): void {
    while (this.length > 0) this.#drop(reason);
  }

  #drop(reason: DropReason): void {
    const size = this.#messages.frontSize;
    this.#messages.shift();
    this.#onDrop({ size }, reason);
  }

  #refuse(bytes: number): "refused" {
    this.#onDrop({ size: bytes }, "newest");
    if (this.#overflow === "drop-newest") return "refused";
    throw new SpillwayError(
      "SPW_ERR_OVERFLOW",
      `Cannot keep message: ${this.length} of ${this.size} bytes wait unread, the limits are ` +
        `${this.maxChunks} and ${this.maxSize}, and the server knows no credits; ` +
        "read faster, or choose with option overflow what to drop",
    );
  }
}
