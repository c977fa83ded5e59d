import type { FastifyInstance } from "fastify";
import type { FlowFeed } from "./flow.ts";
import type { TelemetryFeed } from "./telemetry.ts";
import type { VideoFeed } from "./video.ts";

/** What {@link liveRoutes} sends. */
export interface LiveOptions {
  readonly video: VideoFeed;
  readonly telemetry: TelemetryFeed;
  readonly flow: FlowFeed;
}

/**
 * `/streams/live`: all of it on one connection, a lane each. A page that does not read one of them still gets
 * the others; a client that does not tell lanes apart gets bytes for video, and texts for the rest.
 */
export async function liveRoutes(app: FastifyInstance, feeds: LiveOptions): Promise<void> {
  app.get(
    "/streams/live",
    { websocket: true },
    app.spillway.handler(async (connection) => {
      // What is large goes last.
      const video = connection.lane({ name: "video", priority: -1 });
      await Promise.all([
        feeds.video(connection, video, video.targetBitrate),
        feeds.telemetry(connection, connection.lane({ name: "telemetry" })),
        feeds.flow(connection, connection.lane({ name: "flow", priority: 1 })),
      ]);
    }),
  );
}
