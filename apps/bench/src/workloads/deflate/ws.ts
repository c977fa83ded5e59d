import type { WebSocket } from "ws";
import type { Server } from "../../servers/server.ts";
import { serveWs } from "../../servers/ws.ts";
import { inTurns } from "../in-turns.ts";
import { DEFLATE, json } from "./json.ts";

/** The loop that everybody writes: it compresses for each client. */
export async function ws(burst: number): Promise<Server> {
  const sockets: WebSocket[] = [];
  return serveWs({
    open: (socket) => sockets.push(socket),
    run: async (bursts) =>
      inTurns(
        bursts,
        burst,
        () => json,
        (message) => {
          for (const socket of sockets) socket.send(message);
        },
      ),
    options: DEFLATE,
  });
}
