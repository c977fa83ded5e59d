import { createHash, randomBytes } from "node:crypto";
import { request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { checkNumber, checkUrl, wrongType } from "./internal/check.ts";
import { encodeFrame } from "./internal/encode-frame.ts";

/** How a raw peer connects. */
export interface RawPeerOptions {
  /** Headers of the upgrade request, beside those that every upgrade needs. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Gives up the handshake; it does nothing once the peer is connected. */
  readonly signal?: AbortSignal | undefined;
}

/** One frame, legal or not. */
export interface RawFrame {
  /** 0 to 15: 0 continuation, 1 text, 2 binary, 8 Close, 9 ping, 10 pong; the rest is reserved. */
  readonly opcode: number;
  /**
   * A string goes out as UTF-8.
   *
   * @defaultValue empty
   */
  readonly payload?: string | Uint8Array | undefined;
  /** @defaultValue `true` */
  readonly fin?: boolean | undefined;
  /**
   * Whether the payload is masked, as RFC 6455 asks of every client.
   *
   * @defaultValue `true`
   */
  readonly mask?: boolean | undefined;
  /**
   * RSV1 to RSV3 as three bits: `0b100` is RSV1.
   *
   * @defaultValue `0`
   */
  readonly rsv?: number | undefined;
}

/** A bare socket behind a WebSocket handshake. */
export interface RawPeer {
  /** The socket; reading is paused. Listen to its `data` event before {@link RawPeer.resume}. */
  readonly socket: Socket;
  /** The headers of the server's answer. */
  readonly headers: IncomingHttpHeaders;
  /** What the server sent in one piece with its answer, and `socket` will not repeat. */
  readonly head: Uint8Array;
  /** Wire bytes taken from the kernel since the handshake, `head` included. */
  readonly bytesRead: number;
  /**
   * Settles when the socket is gone, with the error that ended it; never rejects. A paused socket
   * does not notice its server's end.
   */
  readonly closed: Promise<{ readonly error: Error | undefined }>;
  /** Sends a frame as it is described; resolves when the kernel has it. */
  sendFrame(frame: RawFrame): Promise<void>;
  /**
   * Sends bytes as they are, for what is no frame: half of one, or a header that nobody would write.
   * They must not change until it resolves, when the kernel has them.
   */
  sendBytes(bytes: Uint8Array): Promise<void>;
  /** Reads again; without a `data` listener on the socket the bytes are counted and discarded. */
  resume(): void;
  /** Stops reading; up to 64 KiB are still taken in. */
  pause(): void;
  /** Resets the connection: the server gets a TCP RST. */
  reset(): void;
  /** Drops the connection: the server gets a FIN (a RST with unread bytes). */
  vanish(): void;
}

/** @see https://www.rfc-editor.org/rfc/rfc6455#section-1.3 */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * Does the WebSocket handshake and hands out the bare socket, for what no well-behaved client sends.
 *
 * Backpressure: it starts paused, so what the server sends stays in the kernel, except for `head`
 * and one read of up to 64 KiB.
 *
 * @param url - the address, with the scheme `ws:`
 * @param options - what it says in the handshake
 * @returns the peer, connected and paused
 * @throws `Error` when the server cannot be reached or refuses; the message names the HTTP status
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-4.1
 *
 * @example
 * ```ts
 * import { rawPeer } from "@spillway/testing/node";
 *
 * const peer = await rawPeer("ws://127.0.0.1:3000/chat");
 * await peer.sendFrame({ opcode: 1, payload: "not masked", mask: false });
 * peer.resume();
 * await peer.closed; // the server refuses it with 1002
 * ```
 */
export async function rawPeer(url: string | URL, options: RawPeerOptions = {}): Promise<RawPeer> {
  const address = checkUrl(url);
  const { headers, signal } = options;
  signal?.throwIfAborted();

  const key = randomBytes(16).toString("base64");
  const upgrade = request({
    agent: false,
    host: address.hostname.replace(/^\[|\]$/g, ""),
    port: address.port || 80,
    path: `${address.pathname}${address.search}`,
    headers: {
      Host: address.host,
      ...headers,
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": key,
    },
  });

  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      signal?.removeEventListener("abort", onAbort);
      reject(error);
      upgrade.destroy();
    };
    const refuse = (what: string, cause?: Error): void =>
      fail(new Error(`Cannot connect to ${address.href}: ${what}`, { cause }));
    const onAbort = (): void => fail(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    upgrade.on("error", (cause) => refuse(cause.message, cause));
    upgrade.once("response", ({ statusCode }) => refuse(`got status ${statusCode}, want 101`));
    upgrade.once("upgrade", (response: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.pause();
      const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
      if (response.headers["sec-websocket-accept"] !== accept) {
        socket.destroy();
        return refuse(`got another Sec-WebSocket-Accept, want ${accept}`);
      }
      signal?.removeEventListener("abort", onAbort);
      resolve(new SocketPeer(socket, response.headers, head));
    });
    upgrade.end();
  });
}

class SocketPeer implements RawPeer {
  readonly socket: Socket;
  readonly headers: IncomingHttpHeaders;
  readonly head: Uint8Array;
  readonly closed: RawPeer["closed"];
  readonly #handshakeBytes: number;

  constructor(socket: Socket, headers: IncomingHttpHeaders, head: Buffer) {
    this.socket = socket;
    this.headers = headers;
    this.head = new Uint8Array(head);
    this.#handshakeBytes = socket.bytesRead - head.byteLength;
    this.closed = new Promise((resolve) => {
      let error: Error | undefined;
      socket.on("error", (cause) => {
        error = cause;
      });
      socket.once("close", () => resolve({ error }));
    });
  }

  get bytesRead(): number {
    return this.socket.bytesRead - this.#handshakeBytes;
  }

  async sendFrame(frame: RawFrame): Promise<void> {
    const { opcode, payload = "", fin = true, mask = true, rsv = 0 } = frame;
    checkNumber("opcode", opcode, { min: 0, max: 15, integer: true });
    checkNumber("rsv", rsv, { min: 0, max: 7, integer: true });
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    await this.sendBytes(encodeFrame({ opcode, payload: bytes, fin, mask, rsv }));
  }

  async sendBytes(bytes: Uint8Array): Promise<void> {
    if (!(bytes instanceof Uint8Array)) throw wrongType("bytes", "a Uint8Array", bytes);
    await new Promise<void>((resolve, reject) => {
      this.socket.write(bytes, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  resume(): void {
    this.socket.resume();
  }

  pause(): void {
    this.socket.pause();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  vanish(): void {
    this.socket.destroy();
  }
}
