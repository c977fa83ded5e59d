import type { DropCounts } from "@spillway/streams";

/** What went through a connection, and what waits. Bytes are payload, text as UTF-8. */
export interface ClientStats {
  /** Whether the server keeps to credits; `"unknown"` until its first message has come. */
  readonly credits: "agreed" | "none" | "unknown";
  readonly receivedMessages: number;
  readonly receivedBytes: number;
  /** Received and not read by the application, on all lanes. */
  readonly unreadMessages: number;
  readonly unreadBytes: number;
  /** Received and never to be read. */
  readonly dropped: DropCounts;
  /** Messages that the server says it has dropped. */
  readonly missedMessages: number;
  readonly sentMessages: number;
  readonly sentBytes: number;
  /** Sent and, as far as the server has told, not read by its application; `undefined` without credits. */
  readonly unreadBytesByServer: number | undefined;
  /** What the platform's `WebSocket` holds; `undefined` while there is none. */
  readonly bufferedAmount: number | undefined;
}
