import type { Layers } from "@spillway/streams";
import type { Connection } from "@spillway/websocket";
import type { FastifyInstance } from "fastify";
import type { Picture } from "../picture.ts";

/** Which quality each viewer watches. */
const watching = new WeakMap<Connection, number>();

/** The quality that a viewer of `/streams/video` watches. */
export function layerOf(connection: Connection): number | undefined {
  return watching.get(connection);
}

/** Sends the video to a viewer, until one of the two ends, or the pipe `how` says. */
export type VideoFeed = (
  connection: Connection,
  writable: WritableStream<Uint8Array>,
  targetBitrate: AsyncIterable<number>,
  how?: StreamPipeOptions,
) => Promise<void>;

/**
 * Every viewer gets whole, decodable pictures in the best quality that it has room for. One that falls behind
 * loses whole groups of pictures, never parts of one, and nothing that would be older than a second and a half
 * when it arrives.
 */
export function videoFeed(video: Layers<Picture, Uint8Array>): VideoFeed {
  return async (connection, writable, targetBitrate, how) => {
    watching.set(connection, 0);
    await video
      .subscribe({
        targetBitrate,
        maxAgeMs: 1_500,
        onDrop: connection.recordDrop,
        onLayer: (layer) => watching.set(connection, layer),
        signal: connection.signal,
      })
      .pipeTo(writable, how);
  };
}

/** `/streams/video`: the video alone. */
export async function videoRoutes(
  app: FastifyInstance,
  { feed }: { readonly feed: VideoFeed },
): Promise<void> {
  app.get(
    "/streams/video",
    { websocket: true },
    app.spillway.handler((connection) =>
      feed(connection, connection.writable, connection.targetBitrate),
    ),
  );
}
