import type { Socket } from "node:net";
import type { RawData, WebSocket } from "ws";
import type { Peer, PeerClosed, PeerMessage } from "../peer.ts";
import { checkPace, type ReadPace } from "../read-pace.ts";
import { checkNumber } from "./check.ts";
import { nextTurn } from "./clock.ts";
import { Pacer } from "./pacer.ts";

export class WebSocketPeer implements Peer {
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
