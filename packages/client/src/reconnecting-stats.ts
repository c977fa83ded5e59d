import type { ClientStats } from "./stats.ts";

/** What went through all connections, and what waits. */
export interface ReconnectingStats extends ClientStats {
  /** How many were opened. */
  readonly connections: number;
  /** Messages sent on this connection and not known to be read; `undefined` without credits. */
  readonly unreadMessagesByServer: number | undefined;
  /**
   * Messages handed to a socket, not known to be read by the server when the connection ended, and not
   * sent again. Only servers with credits tell.
   */
  readonly lostMessages: number;
  /** Messages sent again, which are counted among `sentMessages` each time. */
  readonly replayedMessages: number;
}
