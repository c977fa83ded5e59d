import { once } from "node:events";
import type { Duplex } from "node:stream";
import { createWebSocketStream, type WebSocket } from "ws";
import type { Server } from "../../servers/server.ts";
import { serveWs } from "../../servers/ws.ts";
import { message } from "./message.ts";

/** From here on the sender waits. */
const HIGH_WATER_MARK = 65_536;

/** `send()`, and its callback whenever too much waits: what careful people write. */
export async function ws(): Promise<Server> {
  let socket!: WebSocket;
  return serveWs({
    open: (opened) => {
      socket = opened;
    },
    async run(count) {
      for (let sent = 0; sent < count; sent++) {
        if (socket.bufferedAmount <= HIGH_WATER_MARK) socket.send(message);
        else await new Promise<unknown>((resolve) => socket.send(message, resolve));
      }
    },
  });
}

/** The stream that `ws` makes of a socket. */
export async function wsDuplex(): Promise<Server> {
  let duplex!: Duplex;
  return serveWs({
    open: (socket) => {
      duplex = createWebSocketStream(socket);
    },
    async run(count) {
      for (let sent = 0; sent < count; sent++) {
        if (!duplex.write(message)) await once(duplex, "drain");
      }
    },
  });
}

/** Sends every message back. */
export async function wsEcho(): Promise<Server> {
  return serveWs({
    open(socket) {
      socket.on("message", (payload: Buffer, binary) => socket.send(payload, { binary }));
    },
    run: async () => {},
  });
}
