import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { ReconnectingWebSocketStream, type ReconnectingOptions } from "@spillway/client";
import { waitFor } from "@spillway/testing";
import { accept, type Connection, type ConnectionOptions } from "@spillway/websocket";
import { onTestFinished } from "vitest";
import { type ServerOptions, WebSocket, WebSocketServer } from "ws";

/** A server that can go and come back on the port that it had. */
export class Restarting {
  /** Server's ends, in the order in which they opened. */
  readonly sockets: WebSocket[] = [];
  /** The subprotocols that each handshake has offered. */
  readonly offers: string[] = [];
  /** Takes over each socket in the turn in which it opens. */
  onSocket: ((...[socket, request]: Parameters<typeof accept>) => void) | undefined;
  readonly #options: ServerOptions;
  #server: WebSocketServer | undefined;
  #port = 0;

  constructor(options: ServerOptions = {}) {
    this.#options = options;
    onTestFinished(async () => this.stop());
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  async start(options: ServerOptions = {}): Promise<this> {
    const where = { host: "127.0.0.1", port: this.#port };
    const server = new WebSocketServer({ ...where, ...this.#options, ...options });
    server.on("headers", (_headers, request) => {
      this.offers.push(request.headers["sec-websocket-protocol"] ?? "");
    });
    server.on("connection", (socket, request) => {
      socket.on("error", () => {});
      this.sockets.push(socket);
      this.onSocket?.(socket, request);
    });
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  /** Resets every connection, and listens no more. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    for (const client of server.clients) client.terminate();
    const closed = once(server, "close");
    server.close();
    await closed;
  }

  /** The server's end that opened as number `index`. */
  async socket(index: number): Promise<WebSocket> {
    await waitFor(() => this.sockets.length > index, { message: `socket ${index}` });
    return this.sockets[index] as WebSocket;
  }
}

/** One that accepts with the real server package. */
export class Accepting extends Restarting {
  readonly connections: Connection[] = [];

  constructor(
    options: ConnectionOptions = {},
    accepted: (connection: Connection, index: number) => void = () => {},
  ) {
    super();
    this.onSocket = (socket, request) => {
      const connection = accept(socket, request, options);
      this.connections.push(connection);
      accepted(connection, this.connections.length - 1);
    };
  }
}

/** Quick about it: tests have no time to wait. */
export const QUICK = { firstDelayMs: 1, maxDelayMs: 5 };

export function comeBack<Gaps extends boolean = false>(
  url: string,
  options: ReconnectingOptions<Gaps> = {},
): ReconnectingWebSocketStream<Gaps> {
  const socket = new ReconnectingWebSocketStream<Gaps>(url, {
    WebSocket,
    reconnect: QUICK,
    ...options,
  });
  onTestFinished(() => socket.close());
  return socket;
}

/** Until it has been opened so many times. */
export async function opens(
  socket: ReconnectingWebSocketStream<boolean>,
  times: number,
): Promise<void> {
  await waitFor(() => socket.stats().connections === times && socket.state.status === "open", {
    message: `connection ${times}`,
  });
}

/** Until client and server have agreed on credits. */
export async function agrees(socket: ReconnectingWebSocketStream<boolean>): Promise<void> {
  await waitFor(() => socket.stats().credits === "agreed", { message: "credits" });
}
