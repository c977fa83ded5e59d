import { once } from "node:events";
import type { Socket } from "node:net";
import { serverHeader } from "../../clients/frames.ts";
import { serveNet } from "../../servers/net.ts";
import type { Server } from "../../servers/server.ts";
import { PIECE_BYTES } from "./piece.ts";

/** Pieces of one write: 1 MiB. */
const JOINED = 16;

/** The same bytes again and again, in large writes, each when there is room. */
export async function net(): Promise<Server> {
  const sockets: Socket[] = [];
  const frames = Array.from({ length: JOINED }, (_, index) => frameOf(index + 1));
  const send = async (socket: Socket, pieces: number): Promise<void> => {
    for (let left = pieces; left > 0; left -= JOINED) {
      const frame = frames[Math.min(left, JOINED) - 1] as Buffer;
      if (!socket.write(frame)) await once(socket, "drain");
    }
  };
  return serveNet(
    (socket) => sockets.push(socket),
    async (pieces) => {
      await Promise.all(sockets.map(async (socket) => send(socket, pieces)));
    },
  );
}

function frameOf(pieces: number): Buffer {
  const payload = Buffer.alloc(pieces * PIECE_BYTES, 1);
  return Buffer.concat([serverHeader(payload.byteLength), payload]);
}
