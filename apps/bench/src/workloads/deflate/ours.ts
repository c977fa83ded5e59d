import { broadcast } from "@spillway/streams";
import { accept, frame, type Frame } from "@spillway/websocket";
import type { Server } from "../../servers/server.ts";
import { serveWs } from "../../servers/ws.ts";
import { inTurns } from "../in-turns.ts";
import { DEFLATE, json } from "./json.ts";

/** A hub whose frames are compressed once. That they come compressed, the clients check. */
export async function spillwayPump(burst: number): Promise<Server> {
  const hub = broadcast<string, Frame>({ encode: (message) => frame(message, { compress: true }) });
  return serveWs({
    open(socket, request) {
      const { writable } = accept(socket, request);
      // A client that leaves is no failure of the others; who is missed at the end, is counted.
      hub
        .subscribe()
        .pipeTo(writable)
        .catch(() => {});
    },
    run: async (bursts) =>
      inTurns(
        bursts,
        burst,
        () => json,
        (message) => hub.publish(message),
      ),
    options: DEFLATE,
  });
}
