import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { OwnGauge, type Server } from "./server.ts";

/** How a server of `ws` serves. */
export interface WsServerOptions {
  /** Called in the turn in which a connection opens. */
  readonly open: (socket: WebSocket, request: IncomingMessage) => void;
  readonly run: (count: number) => Promise<void>;
  readonly options?: ServerOptions | undefined;
}

/** Serves with `ws`, which is what we stand on too. */
export async function serveWs({ open, run, options }: WsServerOptions): Promise<Server> {
  const http = createServer();
  const server = new WebSocketServer({ ...options, server: http });
  server.on("connection", open);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", 1024, resolve));
  const { port } = http.address() as AddressInfo;
  return { port, run, gauge: new OwnGauge() };
}
