import { once } from "node:events";
import type { AddressInfo } from "node:net";
import {
  type WebSocketOpenInfo,
  WebSocketStream,
  type WebSocketStreamOptions,
} from "@spillway/client";
import { onTestFinished } from "vitest";
import { type ServerOptions, WebSocket, WebSocketServer } from "ws";

/** A real server on a free port. */
export interface TestServer {
  readonly url: string;
  /** The server's end of the connection that opens next. */
  next(): Promise<WebSocket>;
  /** The subprotocols that each handshake has offered. */
  readonly offers: string[];
}

/** A client and its server's end. */
export interface Pair extends WebSocketOpenInfo {
  readonly socket: WebSocketStream;
  readonly peer: WebSocket;
}

export async function serve(options: ServerOptions = {}): Promise<TestServer> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...options });
  const offers: string[] = [];
  const sockets: WebSocket[] = [];
  const waiting: ((socket: WebSocket) => void)[] = [];
  server.on("headers", (_headers, request) => {
    offers.push(request.headers["sec-websocket-protocol"] ?? "");
  });
  server.on("connection", (socket) => {
    const take = waiting.shift();
    if (take) take(socket);
    else sockets.push(socket);
  });
  await once(server, "listening");
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    offers,
    next: async () =>
      sockets.shift() ?? new Promise<WebSocket>((resolve) => void waiting.push(resolve)),
  };
}

/** A server that knows no credits. */
export async function plainPair(options: WebSocketStreamOptions = {}): Promise<Pair> {
  const server = await serve({ handleProtocols: () => false });
  return openPair(server, { credits: "off", ...options });
}

export async function openPair(
  server: TestServer,
  options: WebSocketStreamOptions = {},
): Promise<Pair> {
  const socket = connectTo(server.url, options);
  const [peer, opened] = await Promise.all([server.next(), socket.opened]);
  return { ...opened, socket, peer };
}

export function connectTo(url: string, options: WebSocketStreamOptions = {}): WebSocketStream {
  const socket = new WebSocketStream(url, { WebSocket, ...options });
  onTestFinished(() => socket.close());
  return socket;
}

/** How a promise settled, as a value. */
export async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "resolved",
    (error: { code?: unknown; name?: string }) =>
      typeof error?.code === "string" ? error.code : (error?.name ?? error),
  );
}

export async function readAll<T>(readable: ReadableStream<T>): Promise<T[]> {
  const chunks: T[] = [];
  const reader = readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value);
  }
}
