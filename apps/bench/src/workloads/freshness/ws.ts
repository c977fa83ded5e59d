import { setImmediate as nextTurn } from "node:timers/promises";
import type { WebSocket } from "ws";
import { serveWs } from "../../servers/ws.ts";
import { film, flood } from "./load.ts";
import type { Load, Sender } from "./sender.ts";

const HIGH_WATER_MARK = 65_536;

/** `send()`: all of a film, or nothing new while too much waits; of a flood as much as leaves. */
export async function ws(load: Load, drops: boolean): Promise<Sender> {
  return serveWs({
    open(socket) {
      if (load === "flood") {
        void pour(socket);
        return;
      }
      const stop = film((picture) => {
        if (!drops || socket.bufferedAmount <= HIGH_WATER_MARK) socket.send(picture);
      });
      socket.on("close", stop);
    },
    run: async () => {},
  });
}

async function pour(socket: WebSocket): Promise<void> {
  for (const picture of flood()) {
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > HIGH_WATER_MARK) {
      await new Promise<unknown>((resolve) => socket.send(picture, resolve));
    } else {
      socket.send(picture);
      // A kernel that takes everything leaves no turn to anybody else.
      await nextTurn();
    }
  }
}
