import { type Broadcast, broadcast, layers, sink } from "@spillway/streams";
import spillway from "@spillway/fastify";
import { collectMetrics } from "@spillway/fastify/metrics";
import fastify, { type FastifyInstance, type FastifyServerOptions } from "fastify";
import { Registry } from "prom-client";
import { encodePicture, type Picture } from "./picture.ts";
import { flowFeed, flowRoutes } from "./routes/flow.ts";
import { liveRoutes } from "./routes/live.ts";
import { pageRoutes } from "./routes/page.ts";
import { plainRoutes } from "./routes/plain.ts";
import { telemetryFeed, telemetryRoutes } from "./routes/telemetry.ts";
import { videoFeed, videoRoutes } from "./routes/video.ts";
import { telemetrySource } from "./telemetry.ts";
import type { Video } from "./video-source.ts";

/** What {@link buildApp} serves. */
export interface AppOptions {
  /** In real time; when its pictures end, the video ends for everyone. */
  readonly video: Video;
  readonly logger?: FastifyServerOptions["logger"] | undefined;
}

/**
 * Builds the demo's server without listening. Closing it ends the sources and every connection.
 *
 * Viewers that stall are kept for two minutes, so that a sleeping one can be watched.
 */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const app = fastify({ logger: options.logger ?? false, forceCloseConnections: true });
  await app.register(spillway, {
    slowConsumer: { stalledForMs: 120_000 },
    heartbeat: { everyMs: 10_000, deadlineMs: 150_000 },
    maxMessageBytes: 64 * 1024,
    receive: "discard",
    shutdown: { graceMs: 3_000 },
  });

  const stopped = new AbortController();
  app.addHook("preClose", async () => stopped.abort());

  const { bitsPerSecond, pictures } = options.video;
  const qualities = bitsPerSecond.map((needs) => ({ hub: pictureHub(), bitsPerSecond: needs }));
  const hubs = qualities.map(({ hub }) => hub);
  feed(app, "video", stopped.signal, () =>
    pictures.pipeTo(sorted(hubs), { signal: stopped.signal }),
  );

  const registry = new Registry();
  collectMetrics(app.spillway, registry);
  app.get("/metrics", (_request, reply) => {
    void reply.type(registry.contentType);
    return registry.metrics();
  });
  app.get("/healthz", () => ({ status: "ok" }));
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      statusCode: 404,
      code: "FST_ERR_NOT_FOUND",
      error: "Not Found",
      message: `Cannot find route ${request.method} ${request.url}`,
    }),
  );

  const video = videoFeed(layers(qualities, { isKey }));
  const telemetry = telemetryFeed({
    source: telemetrySource(),
    signal: stopped.signal,
    run: (name, run) => feed(app, name, stopped.signal, run),
  });
  const flow = flowFeed(app, stopped.signal);
  await app.register(videoRoutes, { feed: video });
  await app.register(telemetryRoutes, { feed: telemetry });
  await app.register(flowRoutes, { feed: flow });
  await app.register(liveRoutes, { video, telemetry, flow });
  await app.register(plainRoutes, { video: hubs.at(-1) as Broadcast<Picture, Uint8Array> });
  await app.register(pageRoutes);
  return app;
}

const isKey = (picture: Picture): boolean => picture.key;

function pictureHub(): Broadcast<Picture, Uint8Array> {
  return broadcast<Picture, Uint8Array>({
    capacity: { chunks: 120, bytes: 8 << 20 },
    size: (picture) => picture.payload.byteLength,
    isKey,
    retain: "last-keyframe",
    encode: encodePicture,
  });
}

/** Publishes each picture in the hub of its quality. */
function sorted(hubs: readonly Broadcast<Picture, Uint8Array>[]): WritableStream<Picture> {
  return sink<Picture>({
    write: (picture) => hubs[picture.layer]?.publish(picture),
    close: () => hubs.forEach((hub) => hub.close()),
    abort: (reason) => hubs.forEach((hub) => hub.abort(reason)),
  });
}

/** Runs a source into its hub; a source that fails is logged, its viewers have been told. */
function feed(
  app: FastifyInstance,
  name: string,
  stopped: AbortSignal,
  run: () => Promise<void>,
): void {
  run().then(
    () => app.log.info({ source: name }, "source ended"),
    (error: unknown) => {
      if (stopped.aborted) app.log.info({ source: name }, "source stopped");
      else app.log.error({ source: name, err: error }, "source failed");
    },
  );
}
