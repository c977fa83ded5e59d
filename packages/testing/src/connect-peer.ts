import { connect, type Socket } from "node:net";
import { WebSocket, type ClientOptions, type RawData } from "ws";
import { checkNumber, checkOneOf, checkUrl, MAX_TIMER_MS } from "./internal/check.ts";
import { nextTurn } from "./internal/clock.ts";
import { Pacer } from "./internal/pacer.ts";
import { checkPace, type ReadPace } from "./read-pace.ts";

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

/** How a peer connects and behaves. */
export interface PeerOptions {
  /**
   * How fast it reads after the handshake.
   *
   * @defaultValue `"fast"`
   */
  readonly read?: ReadPace | undefined;
  /**
   * Which pings it answers: each one, only the latest of those read in one turn (RFC 6455 section
   * 5.5.3 allows that), or none.
   *
   * @defaultValue `"all"`
   */
  readonly pongs?: "all" | "latest" | "none" | undefined;
  /** Headers of the upgrade request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The subprotocols offered. */
  readonly protocols?: readonly string[] | undefined;
  /**
   * How long a closing handshake may take before the socket is dropped, in milliseconds.
   *
   * @defaultValue `2_000`
   */
  readonly closeTimeoutMs?: number | undefined;
  /** Gives up the handshake; it does nothing once the peer is connected. */
  readonly signal?: AbortSignal | undefined;
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

/**
 * Connects a WebSocket client that reads as slowly as told and ends as rudely as told.
 *
 * It runs on real sockets and in real time, also under fake timers. It starts to read one turn of
 * the event loop after the promise resolves, so a listener attached at once misses nothing.
 *
 * Backpressure: what it does not read stays in the kernel; beside that, up to 64 KiB that were on
 * their way into the process when it stopped. It keeps no message.
 *
 * @param url - the address, with the scheme `ws:`
 * @param options - its pace, and what it says in the handshake
 * @returns the peer, connected
 * @throws `Error` when the server cannot be reached or refuses; the message names the HTTP status
 * @throws `TypeError` or `RangeError` for an option that is not allowed
 * @see https://www.rfc-editor.org/rfc/rfc6455
 *
 * @example
 * ```ts
 * import { connectPeer } from "@spillway/testing";
 *
 * const sleeper = await connectPeer("ws://127.0.0.1:3000/streams/video", { read: "never" });
 * sleeper.thaw();
 * const [first] = await sleeper.collect(1);
 * console.log(typeof first);
 * sleeper.reset();
 * ```
 */
export async function connectPeer(url: string | URL, options: PeerOptions = {}): Promise<Peer> {
  const address = checkUrl(url);
  const pace = checkPace("read", options.read ?? "fast");
  const pongs = checkOneOf("pongs", options.pongs ?? "all", ["all", "latest", "none"]);
  const { closeTimeoutMs = 2_000, headers = {}, protocols = [], signal } = options;
  checkNumber("closeTimeoutMs", closeTimeoutMs, { min: 0, max: MAX_TIMER_MS });
  signal?.throwIfAborted();

  // Made here, so that the socket is ours: `ws` has no public way to reset its own.
  const socket = connect(Number(address.port || 80), address.hostname.replace(/^\[|\]$/g, ""));
  const clientOptions: ClientOptions & { closeTimeout: number } = {
    autoPong: pongs === "all",
    closeTimeout: closeTimeoutMs,
    createConnection: () => socket,
    headers: { ...headers },
    maxPayload: 0,
    perMessageDeflate: false,
  };
  const webSocket = openOrDestroy(socket, address, protocols, clientOptions);
  const peer = new WebSocketPeer(webSocket, socket);
  await opened(webSocket, address, signal);
  if (pongs === "latest") answerLatest(webSocket);
  peer.start(pace);
  return peer;
}

function openOrDestroy(
  socket: Socket,
  address: URL,
  protocols: readonly string[],
  options: ClientOptions,
): WebSocket {
  try {
    return new WebSocket(address, [...protocols], options);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function opened(webSocket: WebSocket, address: URL, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      signal?.removeEventListener("abort", onAbort);
      reject(error);
      webSocket.terminate();
    };
    const onAbort = (): void => fail(signal?.reason);
    const onError = (cause: Error): void =>
      fail(new Error(`Cannot connect to ${address.href}: ${cause.message}`, { cause }));
    signal?.addEventListener("abort", onAbort, { once: true });
    webSocket.once("error", onError);
    webSocket.once("unexpected-response", (_request, { statusCode }) => {
      fail(new Error(`Cannot connect to ${address.href}: got status ${statusCode}, want 101`));
    });
    webSocket.once("open", () => {
      signal?.removeEventListener("abort", onAbort);
      webSocket.off("error", onError);
      webSocket.pause();
      resolve();
    });
  });
}

function answerLatest(webSocket: WebSocket): void {
  let latest: Buffer | undefined;
  webSocket.on("ping", (payload) => {
    const due = latest !== undefined;
    latest = Buffer.from(payload);
    if (due) return;
    void nextTurn().then(() => {
      if (webSocket.readyState === WebSocket.OPEN) webSocket.pong(latest);
      latest = undefined;
    });
  });
}

class WebSocketPeer implements Peer {
  readonly closed: Promise<PeerClosed>;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #pacer: Pacer;
  readonly #listeners = new Set<(message: PeerMessage) => void>();
  #messages = 0;
  #bytes = 0;
  #error: Error | undefined;

  constructor(webSocket: WebSocket, socket: Socket) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#pacer = new Pacer(webSocket);
    this.closed = new Promise((resolve) => {
      webSocket.addEventListener("close", ({ code: closeCode, reason, wasClean }) => {
        this.#pacer.stop();
        resolve({ closeCode, reason, wasClean });
      });
    });
    webSocket.on("error", (error) => {
      this.#error ??= error;
    });
    webSocket.on("message", (payload, isBinary) => this.#take(payload, isBinary));
  }

  get protocol(): string {
    return this.#webSocket.protocol;
  }

  get received(): Peer["received"] {
    return { messages: this.#messages, bytes: this.#bytes };
  }

  get error(): Error | undefined {
    return this.#error;
  }

  start(pace: ReadPace): void {
    // Behind the listener of `ws`, so that what is paid for has been handed out already.
    this.#socket.on("data", (chunk) => this.#pacer.spend(chunk.byteLength));
    this.#socket.on("error", (error) => {
      this.#error ??= error;
    });
    this.#pacer.set(pace);
    void nextTurn().then(() => this.#pacer.start());
  }

  onMessage(listener: (message: PeerMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async collect(
    count: number,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<PeerMessage[]> {
    checkNumber("count", count, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
    signal?.throwIfAborted();
    const messages: PeerMessage[] = [];
    if (count === 0) return messages;
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        stop();
        signal?.removeEventListener("abort", onAbort);
        settle();
      };
      const onAbort = (): void => finish(() => reject(signal?.reason));
      const stop = this.onMessage((message) => {
        if (messages.push(message) === count) finish(() => resolve(messages));
      });
      signal?.addEventListener("abort", onAbort, { once: true });
      void this.closed.then(({ closeCode }) => {
        const ended = `got ${messages.length} and close code ${closeCode}`;
        finish(() => reject(new Error(`Cannot collect ${count} messages: ${ended}`)));
      });
    });
  }

  send(message: string | ArrayBuffer | ArrayBufferView): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#webSocket.send(message, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  freeze(): void {
    this.#pacer.freeze();
  }

  thaw(): void {
    this.#pacer.thaw();
  }

  setRate(read: ReadPace): void {
    this.#pacer.set(checkPace("read", read));
  }

  reset(): void {
    this.#forget();
    this.#socket.resetAndDestroy();
  }

  vanish(): void {
    this.#forget();
    this.#socket.destroy();
  }

  close(closeCode?: number, reason?: string): void {
    this.#webSocket.close(closeCode, reason);
  }

  /** On its way out `ws` still parses what was read and not looked at; a dead peer sees nothing. */
  #forget(): void {
    this.#pacer.stop();
    this.#webSocket.removeAllListeners("message");
  }

  #take(payload: RawData, isBinary: boolean): void {
    const bytes = payload as Buffer;
    this.#messages += 1;
    this.#bytes += bytes.byteLength;
    if (this.#listeners.size === 0) return;
    const message = isBinary ? new Uint8Array(bytes) : bytes.toString();
    for (const listener of this.#listeners) listener(message);
  }
}
