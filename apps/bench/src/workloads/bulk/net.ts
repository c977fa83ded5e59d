import { once } from "node:events";
import type { Socket } from "node:net";
import { serverHeader } from "../../clients/frames.ts";
import { serveNet } from "../../servers/net.ts";
import type { Server } from "../../servers/server.ts";
import { makePiece, PIECE_BYTES } from "./piece.ts";

/** Pieces of one write: 1 MiB. */
const JOINED = 16;

/** Sends so many pieces to one client. */
type Send = (socket: Socket, pieces: number) => Promise<void>;

/** The same bytes again and again, in large writes, each when there is room; or each piece made anew. */
export async function net(isFresh: boolean): Promise<Server> {
  const sockets: Socket[] = [];
  const send = isFresh ? sendFresh : sendJoined();
  return serveNet(
    (socket) => sockets.push(socket),
    async (pieces) => {
      await Promise.all(sockets.map(async (socket) => send(socket, pieces)));
    },
  );
}

function sendJoined(): Send {
  const frames = Array.from({ length: JOINED }, (_, index) => frameOf(index + 1));
  return async (socket, pieces) => {
    for (let left = pieces; left > 0; left -= JOINED) {
      const frame = frames[Math.min(left, JOINED) - 1] as Buffer;
      if (!socket.write(frame)) await once(socket, "drain");
    }
  };
}

async function sendFresh(socket: Socket, pieces: number): Promise<void> {
  const header = serverHeader(PIECE_BYTES);
  for (let sent = 0; sent < pieces; sent++) {
    socket.cork();
    socket.write(header);
    const hasRoom = socket.write(makePiece());
    socket.uncork();
    if (!hasRoom) await once(socket, "drain");
  }
}

function frameOf(pieces: number): Buffer {
  const payload = Buffer.alloc(pieces * PIECE_BYTES, 1);
  return Buffer.concat([serverHeader(payload.byteLength), payload]);
}
