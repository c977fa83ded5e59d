import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach } from "vitest";
import { WebSocketServer, type ServerOptions, type WebSocket } from "ws";

/** One connection as a plain `ws` server sees it. */
export interface Accepted {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  /** The error of the TCP socket, once there is one. */
  readonly tcpError: () => NodeJS.ErrnoException | undefined;
  /** Settles with the close code. */
  readonly closed: Promise<number>;
}

export interface TestServer {
  readonly url: string;
  /** The next connection. */
  accept(): Promise<Accepted>;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Starts a plain `ws` server that the end of the test takes down. */
export async function startServer(
  options: ServerOptions & { readonly onConnection?: (socket: WebSocket) => void } = {},
): Promise<TestServer> {
  const { onConnection, ...rest } = options;
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...rest });
  cleanups.push(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const arrived: Accepted[] = [];
  const waiting: ((accepted: Accepted) => void)[] = [];
  server.on("connection", (socket, request) => {
    onConnection?.(socket);
    const accepted = watch(socket, request);
    const next = waiting.shift();
    if (next) next(accepted);
    else arrived.push(accepted);
  });
  await once(server, "listening");
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    accept: () => {
      const accepted = arrived.shift();
      if (accepted) return Promise.resolve(accepted);
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
}

/** Starts an HTTP server whose answer to an upgrade is up to the test. */
export async function startHttpServer(
  onUpgrade: (...args: Parameters<Parameters<Server["on"]>[1]>) => void,
): Promise<string> {
  const server = createServer();
  server.on("upgrade", onUpgrade);
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function watch(socket: WebSocket, request: IncomingMessage): Accepted {
  let tcpError: NodeJS.ErrnoException | undefined;
  request.socket.on("error", (error) => {
    tcpError = error;
  });
  socket.on("error", () => {});
  const closed = new Promise<number>((resolve) => {
    socket.once("close", resolve);
  });
  return { socket, request, tcpError: () => tcpError, closed };
}
