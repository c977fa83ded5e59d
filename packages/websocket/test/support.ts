import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { accept, type Connection, type ConnectionOptions } from "@spillway/websocket";
import { onTestFinished } from "vitest";
import { type ServerOptions, WebSocketServer } from "ws";

/** A real server on a free port; connections are accepted as a route would. */
export interface TestServer {
  readonly url: string;
  /** The connection of the peer that connects next. */
  next(): Promise<Connection>;
}

export async function serve(
  options: ConnectionOptions = {},
  maxPayload: number = 64 << 20,
  extra: ServerOptions = {},
): Promise<TestServer> {
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    maxPayload,
    perMessageDeflate: false,
    ...extra,
  });
  const accepted: Connection[] = [];
  const waiting: ((connection: Connection) => void)[] = [];
  server.on("connection", (socket, request) => {
    const connection = accept(socket, request, { maxMessageBytes: maxPayload, ...options });
    const take = waiting.shift();
    if (take) take(connection);
    else accepted.push(connection);
  });
  await once(server, "listening");
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: () => {
      const connection = accepted.shift();
      if (connection) return Promise.resolve(connection);
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
  };
}

/** How a promise settled, as a value. */
export async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "resolved",
    (error: { code?: string }) => error?.code ?? error,
  );
}
