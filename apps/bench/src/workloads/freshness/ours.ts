import { broadcast, fromIterable } from "@spillway/streams";
import { accept, type ConnectionOptions } from "@spillway/websocket";
import type { Server } from "../../servers/server.ts";
import { serveWs } from "../../servers/ws.ts";
import { film, flood } from "./load.ts";

/** The latest of a film, or a flood, into a connection. */
export async function spillwayPump(
  load: string,
  window: ConnectionOptions["window"],
): Promise<Server> {
  return serveWs({
    open(socket, request) {
      const { signal, writable } = accept(socket, request, { window });
      if (load === "flood") {
        fromIterable(flood())
          .pipeTo(writable)
          .catch(() => {});
        return;
      }
      const hub = broadcast<Buffer>();
      hub
        .subscribe({ overflow: "latest" })
        .pipeTo(writable)
        .catch(() => {});
      signal.addEventListener(
        "abort",
        film((picture) => hub.publish(picture)),
      );
    },
    run: async () => {},
  });
}
