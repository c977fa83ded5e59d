import { type Broadcast, keyframes } from "@spillway/streams";
import type { FastifyInstance } from "fastify";
import type { Picture } from "../picture.ts";

/**
 * `/streams/video`: every viewer gets whole, decodable pictures. One that falls behind loses whole
 * groups of pictures, never parts of one, and nothing older than a second and a half.
 */
export async function videoRoutes(
  app: FastifyInstance,
  { video }: { readonly video: Broadcast<Picture, Uint8Array> },
): Promise<void> {
  app.get(
    "/streams/video",
    { websocket: true },
    app.spillway.handler(async (connection) => {
      await video
        .subscribe({
          overflow: keyframes({ isKey: (picture) => picture.key }),
          maxAgeMs: 1_500,
          onDrop: connection.recordDrop,
          signal: connection.signal,
        })
        .pipeTo(connection.writable);
    }),
  );
}
