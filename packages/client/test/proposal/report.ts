/** What the server saw of the connections of one id. */
export interface Report {
  /** Handshake requests. */
  readonly requests: number;
  /** The subprotocols that the last of them offered. */
  readonly offered: readonly string[];
  /** Text as it is; binary as `binary:` and its bytes in hexadecimal, or how many of them. */
  readonly messages: readonly string[];
  /** Messages that the server has handed to its socket. */
  readonly sent: number;
  /** Of the client's Close frame: 1005 if it had none. */
  readonly closeCode: number | undefined;
  readonly reason: string;
  /** Whether the socket is gone. */
  readonly hasEnded: boolean;
}

/** What a report waits for: the socket has gone; nothing more could be sent for a while. */
export type Until = "now" | "requested" | "ended" | "still";
