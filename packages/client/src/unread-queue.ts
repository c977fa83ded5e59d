import type { Drop, DropReason, Verdict } from "@spillway/streams";
import type { ReceivedMessage } from "./internal/message.ts";

/** What a queue for the messages of one lane is made with: options of a `BoundedQueue`. */
export interface UnreadBounds {
  /** The option `maxUnreadMessages`. */
  readonly maxChunks: number;
  /** The option `highWaterMark`. */
  readonly maxSize: number;
  /** Bytes of payload; text counts as UTF-8. */
  readonly size: (message: ReceivedMessage) => number;
  /** Counts a drop, and must hear of each. */
  readonly onDrop: (dropped: Pick<Drop<ReceivedMessage>, "size">, reason: DropReason) => void;
}

/** What holds messages until they are read: a `BoundedQueue` does. */
export interface UnreadQueue {
  readonly length: number;
  /** The sum of the bytes. */
  readonly size: number;
  /** Takes a message in, or drops some; what it throws ends the connection. It may not answer `"wait"`. */
  offer(message: ReceivedMessage, bytes: number): Exclude<Verdict, "overflow">;
  /** Gives the message to read next. */
  shift(): { readonly chunk: ReceivedMessage } | undefined;
  /** Drops everything. */
  clear(reason: DropReason): void;
}
