import type { ReadPace } from "./read-pace.ts";

/** One message: text as a string, binary as a copy the receiver owns. */
export type PeerMessage = string | Uint8Array<ArrayBuffer>;

/** How a connection ended, in the words of the `WebSocketStream` proposal. */
export interface PeerClosed {
  /** 1006 when no Close frame was read. */
  readonly closeCode: number;
  readonly reason: string;
  /** True when both sides sent a Close frame. */
  readonly wasClean: boolean;
}

/** A WebSocket client that misbehaves on command. */
export interface Peer {
  /** The subprotocol the server chose, or `""`. */
  readonly protocol: string;
  /** What it has read so far; a snapshot. Bytes are payload bytes of whole messages. */
  readonly received: { readonly messages: number; readonly bytes: number };
  /** The transport or protocol error that ended the connection, if one did. */
  readonly error: Error | undefined;
  /** Settles when the connection is over; never rejects. */
  readonly closed: Promise<PeerClosed>;
  /** Calls `listener` with every message from now on; returns what stops that. */
  onMessage(listener: (message: PeerMessage) => void): () => void;
  /**
   * Gathers the next `count` messages. Rejects with `signal.reason`, or with an `Error` when the
   * connection ends before that.
   */
  collect(count: number, options?: { readonly signal?: AbortSignal }): Promise<PeerMessage[]>;
  /** Sends a message; resolves when the kernel has it, rejects when the connection is over. */
  send(message: string | ArrayBuffer | ArrayBufferView): Promise<void>;
  /** Stops reading: TCP pushes back once the kernel is full, and neither ping nor Close is seen. */
  freeze(): void;
  /** Reads again, at the last rate there was. */
  thaw(): void;
  /** Reads at another pace from now on. */
  setRate(read: ReadPace): void;
  /** Resets the connection: the server gets a TCP RST and no Close frame. */
  reset(): void;
  /** Drops the connection without a Close frame: the server gets a FIN (a RST with unread bytes). */
  vanish(): void;
  /**
   * Starts the closing handshake. A frozen peer stays frozen, so it never sees the answer and drops
   * the socket after `closeTimeoutMs`.
   */
  close(closeCode?: number, reason?: string): void;
}
