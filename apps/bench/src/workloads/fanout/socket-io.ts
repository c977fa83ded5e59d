import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server as SocketServer } from "socket.io";
import { OwnGauge, type Server } from "../../servers/server.ts";
import { inTurns } from "../in-turns.ts";
import { makeMessage } from "./message.ts";

/** `emit()` to all, of text: bytes would take a second message each. */
export async function socketIo(burst: number): Promise<Server> {
  const http = createServer();
  const io = new SocketServer(http, { serveClient: false, transports: ["websocket"] });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", 1024, resolve));
  return {
    port: (http.address() as AddressInfo).port,
    run: async (bursts) =>
      inTurns(bursts, burst, makeMessage, (message) => io.emit("m", message.toString("latin1"))),
    gauge: new OwnGauge(),
  };
}
