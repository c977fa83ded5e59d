/** What is told when a socket closes, and what a user may ask for. */
export interface CloseInfo {
  readonly closeCode?: number;
  readonly reason?: string;
}

/** What `opened` gives. */
export interface OpenInfo {
  readonly readable: ReadableStream<string | Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<unknown>;
  readonly extensions: string;
  readonly protocol: string;
}

/** A `WebSocketStream` as the proposal has it (https://github.com/whatwg/websockets/pull/48). */
export interface SocketStream {
  readonly url: string;
  readonly opened: Promise<OpenInfo>;
  readonly closed: Promise<Required<CloseInfo>>;
  close(info?: CloseInfo | null): void;
}

/** Its constructor; what is given is unknown where cases give what must be refused. */
export interface SocketStreamConstructor {
  new (url: string | URL, options?: SocketStreamOptions): SocketStream;
  readonly prototype: SocketStream;
}

export interface SocketStreamOptions {
  readonly protocols?: Iterable<string>;
  readonly signal?: AbortSignal;
}

/** The proposal's `WebSocketError`. */
export interface SocketError extends DOMException {
  readonly closeCode: number | null;
  readonly reason: string;
}

export interface SocketErrorConstructor {
  new (message?: string, init?: CloseInfo | null): SocketError;
  readonly prototype: SocketError;
}
