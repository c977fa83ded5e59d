import { serveNet } from "../../servers/net.ts";
import type { Server } from "../../servers/server.ts";
import { serveWs } from "../../servers/ws.ts";

const nothing = async (): Promise<void> => {};

/** Bare sockets. */
export async function net(): Promise<Server> {
  return serveNet(() => {}, nothing);
}

/** `ws`, and a listener: who accepts a connection wants to hear of it. */
export async function ws(): Promise<Server> {
  return serveWs({
    open(socket) {
      socket.on("message", () => {});
    },
    run: nothing,
  });
}
