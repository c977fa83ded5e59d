import { innerProtocol } from "@spillway/streams/protocol";
import { checkClose, type WebSocketCloseInfo } from "./close-info.ts";
import { toAddress } from "./internal/address.ts";
import { connect } from "./internal/connect.ts";
import { type Deferred, deferred } from "@spillway/streams/ends";
import { Lanes } from "./internal/lanes.ts";
import type { ReceivedMessage, SentMessage } from "./internal/message.ts";
import type { PlatformClose, PlatformWebSocket } from "./internal/platform.ts";
import { Session } from "./internal/session.ts";
import { type ClientSettings, clientSettings, type WebSocketStreamOptions } from "./options.ts";
import type { ClientStats } from "./stats.ts";
import { connectionError, WebSocketError } from "./web-socket-error.ts";

/** What an open connection consists of. */
export interface WebSocketOpenInfo {
  /** One chunk is one message: text as a string, binary as bytes of its own. */
  readonly readable: ReadableStream<ReceivedMessage>;
  /** One chunk is one message. */
  readonly writable: WritableStream<SentMessage>;
  /** The extensions in use. */
  readonly extensions: string;
  /** The one of `protocols` that the server has picked; empty if none. */
  readonly protocol: string;
}

/** How a connection was closed. */
export type WebSocketClosed = Required<{
  readonly [Key in keyof WebSocketCloseInfo]: NonNullable<WebSocketCloseInfo[Key]>;
}>;

/**
 * A WebSocket as a pair of streams, as the `WebSocketStream` proposal has it, on every platform with a
 * `WebSocket`. It connects at once.
 *
 * Backpressure: with a server that knows credits, what the application has not read holds the server
 * up, and what the server has not read makes `ready` and `write()` wait. With any other server at most
 * `highWaterMark` bytes wait unread, then `overflow` decides; `write()` waits while the socket holds
 * 256 KiB unsent.
 *
 * @see https://github.com/whatwg/websockets/pull/48
 *
 * @example
 * ```ts
 * import { WebSocketStream } from "@spillway/client";
 *
 * const socket = new WebSocketStream("wss://example.org/prices");
 * const { readable, writable } = await socket.opened;
 * const writer = writable.getWriter();
 * await writer.write("subscribe");
 * for await (const message of readable) console.log(message);
 * ```
 */
export class WebSocketStream {
  readonly #url: string;
  readonly #settings: ClientSettings;
  readonly #opened: Deferred<WebSocketOpenInfo> = deferred();
  readonly #closed: Deferred<WebSocketClosed> = deferred();
  readonly #lanes: Lanes;
  #session: Session | undefined;
  /** Gives up connecting; `undefined` once that is over. */
  #stopConnecting: (() => void) | undefined;

  /**
   * @param url - `ws:`, `wss:`, `http:` or `https:`; relative where the platform has a base
   * @param options - those of the proposal, and ours
   * @throws `SyntaxError`, a `DOMException`, for an address or a protocol that cannot be
   * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"` for the other options
   */
  constructor(url: string | URL, options?: WebSocketStreamOptions | null) {
    if (arguments.length === 0) throw new TypeError("Cannot connect: want an address");
    this.#settings = clientSettings(options);
    this.#url = toAddress(url);
    this.#lanes = new Lanes(
      {
        answer: (lane, messages) => this.#session?.dialogue.answer(lane, messages),
        cancelled: (reason) => this.#session?.aborted(reason),
        failed: (error) => this.#session?.fail(error),
      },
      this.#settings,
    );
    this.#connect();
  }

  /** The address, with its scheme `ws:` or `wss:`. */
  get url(): string {
    return this.#url;
  }

  /** The streams, once the connection is open; rejects with a {@link WebSocketError}, or the reason of `signal`. */
  get opened(): Promise<WebSocketOpenInfo> {
    return this.#opened.promise;
  }

  /** How the connection was closed; rejects with a {@link WebSocketError} if that was not in order. */
  get closed(): Promise<WebSocketClosed> {
    return this.#closed.promise;
  }

  /**
   * Closes the connection, or gives up opening it. What is unread can still be read.
   *
   * @param closeInfo - what the server is told
   * @throws `DOMException`: `InvalidAccessError` for a code that cannot be sent, `SyntaxError` for a
   * reason longer than 123 bytes
   */
  close(closeInfo?: WebSocketCloseInfo | null): void {
    const { closeCode, reason } = checkClose(closeInfo);
    if (this.#session) this.#session.close(closeCode, reason);
    else if (this.#stopConnecting) this.#fail("Connection was closed before it was open");
  }

  /**
   * The messages that the server sends on its lane of that name, each lane with a credit of its own: one
   * that nobody reads holds up no other. The same name gives the same stream; servers without credits
   * have no lanes, and it ends with the connection.
   *
   * @param name - as the server calls it
   */
  lane(name: string): ReadableStream<ReceivedMessage> {
    return this.#lanes.stream(name);
  }

  /** What went through the connection, and what waits, at this moment. */
  stats(): ClientStats {
    const dialogue = this.#session?.dialogue;
    const { unread, drops, missed } = this.#lanes;
    return {
      credits: dialogue?.state ?? "unknown",
      receivedMessages: dialogue?.received.messages ?? 0,
      receivedBytes: dialogue?.received.bytes ?? 0,
      unreadMessages: unread.messages,
      unreadBytes: unread.bytes,
      dropped: drops.counts(),
      missedMessages: missed,
      sentMessages: dialogue?.sent.messages ?? 0,
      sentBytes: dialogue?.sent.bytes ?? 0,
      unreadBytesByServer: dialogue?.state === "agreed" ? dialogue.unreadByServer.bytes : undefined,
      bufferedAmount: this.#session?.bufferedAmount,
    };
  }

  get [Symbol.toStringTag](): string {
    return "WebSocketStream";
  }

  #connect(): void {
    const { signal } = this.#settings;
    if (signal?.aborted) {
      this.#reject(signal.reason, signal.reason);
      return;
    }
    const onAbort = (): void => {
      this.#stopConnecting?.();
      this.#reject(signal?.reason, signal?.reason);
    };
    signal?.addEventListener("abort", onAbort);
    const stop = connect(this.#url, this.#settings, {
      opened: (socket) => this.#open(socket),
      failed: (cause) => this.#fail("Connection could not be opened", cause),
    });
    this.#stopConnecting = () => {
      this.#stopConnecting = undefined;
      signal?.removeEventListener("abort", onAbort);
      if (!this.#session) stop();
    };
  }

  #open(socket: PlatformWebSocket): void {
    const { credits } = this.#settings;
    const protocol = credits === "off" ? undefined : innerProtocol(socket.protocol);
    const session = new Session(socket, protocol !== undefined, this.#lanes, this.#settings, {
      decided: () => this.#opened.resolve(info),
      failed: (error) => {
        this.#opened.reject(connectionError("Connection could not be used", {}, error));
      },
      ended: (end) => this.#end(end),
    });
    const info: WebSocketOpenInfo = {
      readable: this.#lanes.main.stream,
      writable: session.outgoing.stream,
      extensions: socket.extensions,
      protocol: protocol ?? socket.protocol,
    };
    this.#session = session;
    this.#stopConnecting?.();
    session.dialogue.start();
    if (credits !== "require") this.#opened.resolve(info);
  }

  #fail(message: string, cause?: unknown): void {
    this.#stopConnecting?.();
    const closed = connectionError(message, { closeCode: 1006 }, cause);
    this.#reject(connectionError(message, {}, cause), closed);
  }

  #reject(opened: unknown, closed: unknown): void {
    this.#opened.reject(opened);
    this.#closed.reject(closed);
    this.#lanes.fail(closed);
  }

  #end(end: PlatformClose | WebSocketError): void {
    if (end instanceof WebSocketError) {
      this.#opened.reject(end);
      this.#closed.reject(end);
      return;
    }
    this.#opened.reject(connectionError("Connection was closed before it could be used"));
    this.#closed.resolve({ closeCode: end.code, reason: end.reason });
  }
}
