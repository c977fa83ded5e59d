import { once } from "node:events";
import type { Socket } from "node:net";
import { serveNet } from "../../servers/net.ts";
import type { Server } from "../../servers/server.ts";
import { messageFrame } from "./message.ts";

/** So many frames are nearly 64 KiB. */
const JOINED = Math.floor(65_536 / messageFrame.byteLength);
const joined = Buffer.concat(Array.from({ length: JOINED }, () => messageFrame));

/** Frames made beforehand, each written by itself, or as many as 64 KiB hold. */
export async function net(isJoined: boolean): Promise<Server> {
  const most = isJoined ? JOINED : 1;
  let socket!: Socket;
  return serveNet(
    (opened) => {
      socket = opened;
    },
    async (count) => {
      for (let left = count; left > 0; left -= most) {
        const bytes = joined.subarray(0, Math.min(left, most) * messageFrame.byteLength);
        if (!socket.write(bytes)) await once(socket, "drain");
      }
    },
  );
}
