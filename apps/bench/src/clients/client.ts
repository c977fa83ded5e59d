import { connect, type Socket } from "node:net";
import { FrameCounter, clientFrame } from "./frames.ts";
import { checkAnswer, upgradeRequest } from "./handshake.ts";
import type { Crowd } from "./protocol.ts";

/** What the client of `@spillway/client` would grant; a question is two bytes long. */
const HELLO = Buffer.from("\u0010V1,1048576,1024");
const QUESTION_BYTES = 2;
const EXTENSIONS = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/** All clients read into it: what is read is looked at before anything else is. */
const shared = Buffer.allocUnsafeSlow(65_536);

/** What a client tells. */
export interface ClientListener {
  /** Something was read. */
  read(): void;
  /** Messages, as they begin. */
  begin?: ((bytes: Uint8Array, start: number, end: number) => void) | undefined;
  /** Messages, whole; asked for by one client of many, because it costs. */
  message?: ((payload: Buffer) => void) | undefined;
  /** The connection has ended, and nobody asked for it. */
  lost(why: string): void;
}

/** A bare socket that counts what a server sends and answers its pings. */
export class Client {
  readonly counter: FrameCounter;
  /** Settles when the server is ready to send. */
  readonly ready: Promise<void>;
  readonly #socket: Socket;
  readonly #listener: ClientListener;
  readonly #crowd: Crowd;
  readonly #pieces: Buffer[] = [];
  #head = "";
  #isOpen = false;
  #isClosing = false;
  #settle!: { readonly resolve: () => void; readonly reject: (error: unknown) => void };

  constructor(crowd: Crowd, listener: ClientListener) {
    this.#crowd = crowd;
    this.#listener = listener;
    const isWatched = listener.message !== undefined || crowd.speaks === "socket.io";
    this.counter = new FrameCounter(crowd.messageBytes ?? 0, {
      control: (opcode, payload) => this.#control(opcode, payload),
      ...(listener.begin && { begin: listener.begin }),
      ...(crowd.speaks === "spillway.v1" && { other: (bytes: number) => this.#told(bytes) }),
      ...(isWatched && {
        piece: (bytes: Uint8Array) => this.#piece(bytes),
        message: () => this.#message(),
      }),
    });
    this.ready = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#socket = connect({
      host: "127.0.0.1",
      port: crowd.port,
      onread: { buffer: shared, callback: (length, bytes) => this.#read(bytes, length) },
    });
    const path = crowd.speaks === "socket.io" ? "/socket.io/?EIO=4&transport=websocket" : "/";
    const own = [
      ...(crowd.inflatesTo === undefined ? [] : [`Sec-WebSocket-Extensions: ${EXTENSIONS}`]),
      ...(crowd.speaks === "spillway.v1" ? ["Sec-WebSocket-Protocol: spillway.v1"] : []),
    ];
    this.#socket.setNoDelay(true).write(upgradeRequest(crowd.port, path, own));
    this.#socket.on("error", (error) => this.#ended(error.message));
    this.#socket.on("close", () => this.#ended("it was closed"));
  }

  send(opcode: number, payload: Uint8Array): void {
    this.#socket.write(clientFrame(opcode, payload));
  }

  /** Reads no more: what is sent to it waits in the kernels, then at the server. */
  freeze(): void {
    this.#socket.pause();
  }

  /** Says goodbye; resolves when the connection is gone. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#socket.destroyed) return;
    const closed = new Promise((resolve) => this.#socket.once("close", resolve));
    this.#socket.resume();
    this.#socket.end(clientFrame(8, Buffer.from([0x03, 0xe8])));
    await closed;
  }

  #read(bytes: Uint8Array, length: number): boolean {
    if (this.#isOpen) this.counter.take(bytes, 0, length);
    else this.#handshake(Buffer.from(bytes.buffer, bytes.byteOffset, length));
    this.#listener.read();
    return true;
  }

  #handshake(bytes: Buffer): void {
    const before = this.#head.length;
    this.#head += bytes.toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return;
    try {
      const { inflatesTo } = this.#crowd;
      checkAnswer(this.#head.slice(0, end), inflatesTo === undefined ? undefined : EXTENSIONS);
    } catch (error) {
      this.#settle.reject(error);
      this.#isClosing = true;
      this.#socket.destroy();
      return;
    }
    this.#isOpen = true;
    if (this.#crowd.speaks === undefined || this.#crowd.speaks === "websocket") {
      this.#settle.resolve();
    }
    this.counter.take(bytes, end + 4 - before, bytes.byteLength);
  }

  #control(opcode: number, payload: Uint8Array): void {
    if (opcode === 9) this.send(10, payload);
    if (opcode !== 8) return;
    if (!this.#isClosing) this.send(8, payload);
    this.#socket.end();
  }

  #piece(bytes: Uint8Array): void {
    this.#pieces.push(Buffer.from(bytes));
  }

  #message(): void {
    const payload = Buffer.concat(this.#pieces.splice(0));
    if (this.#crowd.speaks === "socket.io") this.#engine(payload);
    this.#listener.message?.(payload);
  }

  /** A control message of a server with credits: what has come counts as read. */
  #told(bytes: number): void {
    if (bytes === QUESTION_BYTES) this.send(1, Buffer.from(`\u0010A0,${this.counter.total}`));
    else {
      this.send(1, HELLO);
      this.#settle.resolve();
    }
  }

  /** The little of its protocol that a client has to answer. */
  #engine(payload: Buffer): void {
    const text = payload.length < 512 ? payload.toString() : "";
    // Open, ping, connected: https://socket.io/docs/v4/engine-io-protocol/
    if (text.startsWith("0{")) this.send(1, Buffer.from("40"));
    else if (text === "2") this.send(1, Buffer.from("3"));
    else if (text.startsWith("40")) this.#settle.resolve();
  }

  #ended(why: string): void {
    this.#settle.reject(new Error(`Cannot connect: ${why}`));
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#listener.lost(why);
  }
}
