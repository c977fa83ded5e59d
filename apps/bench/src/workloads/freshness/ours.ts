import { broadcast, fromIterable } from "@spillway/streams";
import { accept, type Connection, type ConnectionOptions } from "@spillway/websocket";
import { serveWs } from "../../servers/ws.ts";
import { film, flood } from "./load.ts";
import type { Load, Sender } from "./sender.ts";

/** The latest of a film, or a flood, into every connection. */
export async function spillwayPump(
  load: Load,
  window: ConnectionOptions["window"],
): Promise<Sender> {
  const connections = new Set<Connection>();
  const server = await serveWs({
    open(socket, request) {
      const connection = accept(socket, request, { window });
      const { signal, writable } = connection;
      connections.add(connection);
      signal.addEventListener("abort", () => connections.delete(connection));
      if (load === "film") showFilm(connection);
      else
        fromIterable(flood())
          .pipeTo(writable)
          .catch(() => {});
    },
    run: async () => {},
  });
  return { ...server, stats: () => [...connections].map((connection) => connection.stats()) };
}

/** The latest of a film, for as long as the connection lasts. */
export function showFilm({ signal, writable }: Connection): void {
  const hub = broadcast<Buffer>();
  hub
    .subscribe({ overflow: "latest" })
    .pipeTo(writable)
    .catch(() => {});
  signal.addEventListener(
    "abort",
    film((picture) => hub.publish(picture)),
  );
}
