import { broadcast } from "@spillway/streams";
import { accept, frame, type Frame } from "@spillway/websocket";
import type { Server } from "../../servers/server.ts";
import { serveWs } from "../../servers/ws.ts";
import { inTurns } from "../in-turns.ts";
import { makeMessage } from "./message.ts";

/** A hub that encodes once, and a pipe for each client. */
export async function spillwayPump(burst: number): Promise<Server> {
  const hub = broadcast<Buffer, Frame>({ encode: (message) => frame(message) });
  return serveWs({
    open(socket, request) {
      const { writable } = accept(socket, request);
      // A client that leaves is no failure of the others; who is missed at the end, is counted.
      hub
        .subscribe()
        .pipeTo(writable)
        .catch(() => {});
    },
    run: async (bursts) => inTurns(bursts, burst, makeMessage, (message) => hub.publish(message)),
  });
}
