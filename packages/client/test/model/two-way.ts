import type { PlatformWebSocket, WebSocketConstructor } from "@spillway/client";

type Message = string | Uint8Array<ArrayBuffer>;

/**
 * A `WebSocket` whose messages move only when a schedule says so. All else is as of a real one: what is
 * on its way is `bufferedAmount` until it moves, order holds, a Close follows what was sent before it.
 */
export class TwoWay {
  readonly #toServer: Message[] = [];
  readonly #toClient: Message[] = [];
  readonly #listeners = new Map<string, (event: object) => void>();
  #readyState = 0;
  #isClosing = false;
  /** The client's end, as the constructor that it is given makes it. */
  readonly WebSocket: WebSocketConstructor;
  receive: (message: Message) => void = () => {};

  constructor() {
    const make = (protocols: readonly string[]): PlatformWebSocket => this.#client(protocols);
    this.WebSocket = function WebSocket(_url: string, protocols: readonly string[]) {
      return make(protocols);
    } as unknown as WebSocketConstructor;
  }

  get underWay(): { readonly toServer: number; readonly toClient: number } {
    return { toServer: this.#toServer.length, toClient: this.#toClient.length };
  }

  open(): void {
    this.#readyState = 1;
    this.#tell("open", {});
  }

  /** The server sends. */
  send(message: string | Uint8Array): void {
    this.#toClient.push(typeof message === "string" ? message : new Uint8Array(message));
  }

  /** One message arrives at the server. */
  moveToServer(): void {
    const message = this.#toServer.shift();
    if (message !== undefined) this.receive(message);
    else if (this.#isClosing) this.#end();
  }

  /** One message arrives at the client. */
  moveToClient(): void {
    const message = this.#toClient.shift();
    if (message === undefined) return;
    this.#tell("message", { data: typeof message === "string" ? message : message.buffer });
  }

  #end(): void {
    if (this.#readyState === 3) return;
    this.#readyState = 3;
    this.#tell("close", { code: 1005, reason: "", wasClean: true });
  }

  #tell(type: string, event: object): void {
    this.#listeners.get(type)?.(event);
  }

  #client(protocols: readonly string[]): PlatformWebSocket {
    const line = this.#toServer;
    const readyState = (): number => this.#readyState;
    return {
      binaryType: "blob",
      extensions: "",
      protocol: protocols[0] ?? "",
      get bufferedAmount() {
        return line.reduce((sum, { length }) => sum + length, 0);
      },
      get readyState() {
        return readyState();
      },
      addEventListener: (type, listener) => void this.#listeners.set(type, listener),
      removeEventListener: (type) => void this.#listeners.delete(type),
      send: (data) => void line.push(typeof data === "string" ? data : new Uint8Array(data)),
      close: () => {
        this.#readyState = 2;
        this.#isClosing = true;
      },
    };
  }
}
