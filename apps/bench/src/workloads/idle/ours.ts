import { accept, type Connection } from "@spillway/websocket";
import type { Server } from "../../servers/server.ts";
import { serveWs } from "../../servers/ws.ts";
import type { Params } from "../../workload.ts";

/** Connections of which nothing, or one stream or both, has been asked for. */
export async function spillway(touched: Params[string] = "none"): Promise<Server> {
  const connections = new Set<Connection>();
  return serveWs({
    open(socket, request) {
      const connection = accept(socket, request);
      connections.add(connection);
      socket.once("close", () => connections.delete(connection));
      if (touched !== "none") void connection.writable;
      if (touched === "both") void connection.readable;
    },
    run: async () => {},
  });
}
