import { fromIterable } from "@spillway/streams";
import { accept, frame, type MessageChunk } from "@spillway/websocket";
import type { Server } from "../../servers/server.ts";
import { serveWs } from "../../servers/ws.ts";
import { makePiece } from "./piece.ts";
import { PiecePool } from "./piece-pool.ts";

/** The pipe ends with the run, the connection does not. */
const KEEP_OPEN = { preventClose: true };

/** A pipe for each client, from a source that makes its chunks anew, or uses them again. */
export async function spillwayPump(isRecycled: boolean): Promise<Server> {
  const clients: { writable: WritableStream<MessageChunk>; pool: PiecePool }[] = [];
  return serveWs({
    open(socket, request) {
      clients.push({ writable: accept(socket, request).writable, pool: new PiecePool() });
    },
    async run(pieces) {
      await Promise.all(
        clients.map(async ({ writable, pool }) => {
          if (isRecycled) pool.begin();
          const source = isRecycled ? recycled(pool, pieces) : fresh(pieces);
          await fromIterable<MessageChunk>(source).pipeTo(writable, KEEP_OPEN);
        }),
      );
    },
  });
}

function* fresh(pieces: number): Generator<Buffer> {
  for (let sent = 0; sent < pieces; sent++) yield makePiece();
}

/** Asks the pool when a chunk is wanted, and waits when all of them are on their way. */
function* recycled(
  pool: PiecePool,
  pieces: number,
): Generator<MessageChunk | Promise<MessageChunk>> {
  for (let sent = 0; sent < pieces; sent++) {
    const piece = pool.take();
    yield piece instanceof Promise ? piece.then((free) => framed(free, pool)) : framed(piece, pool);
  }
}

function framed(piece: Buffer, pool: PiecePool): MessageChunk {
  return frame(piece, { release: () => pool.release(piece) });
}
