import { accept } from "@spillway/websocket";
import type { Server } from "../../servers/server.ts";
import { serveWs } from "../../servers/ws.ts";
import type { Params } from "../../workload.ts";

/** Connections of which nothing, or one stream or both, has been asked for. */
export async function spillway(touched: Params[string] = "none"): Promise<Server> {
  return serveWs({
    open(socket, request) {
      const connection = accept(socket, request);
      if (touched !== "none") void connection.writable;
      if (touched === "both") void connection.readable;
    },
    run: async () => {},
  });
}
