import type { Connection } from "@spillway/websocket";
import type { FastifyInstance } from "fastify";
import { hearAge } from "../viewer-age.ts";
import type { FlowFeed } from "./flow.ts";
import type { TelemetryFeed } from "./telemetry.ts";
import type { VideoFeed } from "./video.ts";

/** A report takes some 20 bytes. What is larger ends its connection with 1009. */
const MAX_MESSAGE_BYTES = 1_024;

/** What {@link liveRoutes} sends. */
export interface LiveOptions {
  readonly video: VideoFeed;
  readonly telemetry: TelemetryFeed;
  readonly flow: FlowFeed;
}

/**
 * `/streams/live`: all of it on one connection, a lane each. A page that does not read one of them still gets
 * the others; a client that does not tell lanes apart gets bytes for video, and texts for the rest. What comes
 * back is how old the picture is that the viewer shows.
 */
export async function liveRoutes(app: FastifyInstance, feeds: LiveOptions): Promise<void> {
  app.get(
    "/streams/live",
    { websocket: true },
    app.spillway.handler(
      async (connection) => {
        await Promise.all([
          sendVideo(connection, feeds.video),
          feeds.telemetry(connection, connection.lane({ name: "telemetry" })),
          feeds.flow(connection, connection.lane({ name: "flow", priority: 1 })),
          hearAge(connection),
        ]);
      },
      { receive: "stream", maxMessageBytes: MAX_MESSAGE_BYTES },
    ),
  );
}

/** Begins anew, with the last keyframe, whenever the page asks for something whole. */
async function sendVideo(connection: Connection, feed: VideoFeed): Promise<void> {
  let again = new AbortController();
  const onResync = (): void => again.abort();
  // What is large goes last.
  const lane = connection.lane({ name: "video", priority: -1, onResync });
  for (;;) {
    again = new AbortController();
    const { signal } = again;
    try {
      await feed(connection, lane, lane.targetBitrate, { signal, preventAbort: true });
      return;
    } catch (error) {
      if (!signal.aborted || connection.signal.aborted) throw error;
    }
  }
}
