import type { WebSocket } from "ws";
import type { Server } from "../../servers/server.ts";
import { serveWs } from "../../servers/ws.ts";
import { makePiece, PIECE_BYTES } from "./piece.ts";

/** Nobody looks at `bufferedAmount`: pieces, or the whole in one buffer for each client. */
export async function ws(isWhole: boolean): Promise<Server> {
  const sockets: WebSocket[] = [];
  return serveWs({
    open: (socket) => sockets.push(socket),
    async run(pieces) {
      for (const socket of sockets) {
        if (isWhole) socket.send(Buffer.alloc(pieces * PIECE_BYTES, 1));
        else for (let sent = 0; sent < pieces; sent++) socket.send(makePiece());
      }
    },
  });
}
