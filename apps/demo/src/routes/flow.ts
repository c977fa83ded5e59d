import { bounded, broadcast } from "@spillway/streams";
import type { Connection } from "@spillway/websocket";
import type { FastifyInstance } from "fastify";
import type { ConnectionView, FlowSnapshot } from "../flow-snapshot.ts";
import { ageOf } from "../viewer-age.ts";
import { plainConnections } from "./plain.ts";
import { layerOf } from "./video.ts";

const EVERY_MS = 500;

/** Sends the state of every connection to a viewer, until one of the two ends. */
export type FlowFeed = (connection: Connection, writable: WritableStream<string>) => Promise<void>;

/** What every connection holds, and what it dropped: twice a second, the latest only. */
export function flowFeed(app: FastifyInstance, signal: AbortSignal): FlowFeed {
  const flow = broadcast<string>({ capacity: { chunks: 2 }, retain: "last" });
  const timer = setInterval(() => {
    flow.publish(JSON.stringify(snapshot(app, connectionViews(app))));
  }, EVERY_MS);
  signal.addEventListener("abort", () => {
    clearInterval(timer);
    flow.close();
  });
  return async (connection, writable) => {
    await flow
      .subscribe({ onDrop: connection.recordDrop, signal: connection.signal })
      .pipeThrough(bounded({ overflow: "latest", onDrop: connection.recordDrop }))
      .pipeTo(writable);
  };
}

/** `/streams/flow`: the state of every connection alone, and `/api/connections`: as it is now. */
export async function flowRoutes(
  app: FastifyInstance,
  { feed }: { readonly feed: FlowFeed },
): Promise<void> {
  app.get("/api/connections", () => connectionViews(app));
  app.get(
    "/streams/flow",
    { websocket: true },
    app.spillway.handler((connection) => feed(connection, connection.writable)),
  );
}

function connectionViews(app: FastifyInstance): ConnectionView[] {
  return [...[...app.spillway.connections].map(view), ...plainConnections(app)];
}

function view(connection: Connection): ConnectionView {
  const stats = connection.stats();
  const age = ageOf(connection);
  const { pathname, searchParams } = new URL(connection.request.url ?? "/", "ws://localhost");
  const drops = Object.entries(stats.dropped.reasons).map(([reason, tally]) => [
    reason,
    { messages: tally?.chunks ?? 0, bytes: tally?.size ?? 0 },
  ]);
  return {
    id: connection.id,
    route: pathname,
    viewer: searchParams.get("viewer"),
    state: stats.state,
    layer: layerOf(connection) ?? null,
    ageMs: age?.ageMs ?? null,
    silentForMs: age?.silentForMs ?? null,
    queuedBytes: stats.queuedBytes,
    bufferedBytes: stats.bufferedBytes,
    inFlightBytes: stats.inFlightBytes ?? stats.bufferedBytes,
    windowBytes: stats.windowBytes ?? null,
    acknowledgedBy: stats.acknowledgedBy ?? null,
    lanes: (stats.lanes ?? []).map(({ name, state, inFlightBytes, windowBytes, rttMs }) => {
      return { name, state, inFlightBytes, windowBytes, rttMs: rttMs ?? null };
    }),
    rttMs: stats.rttMs ?? null,
    sentMessages: stats.sentMessages,
    sentBytes: stats.sentBytes,
    receivedMessages: stats.receivedMessages,
    droppedMessages: stats.dropped.chunks,
    droppedBytes: stats.dropped.size,
    drops: Object.fromEntries(drops),
    stalledForMs: stats.stalledForMs,
    connectedForMs: stats.connectedForMs,
  };
}

function snapshot(app: FastifyInstance, connections: ConnectionView[]): FlowSnapshot {
  const { dropped, ...totals } = app.spillway.stats();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    t: Date.now(),
    connections,
    totals: { ...totals, droppedMessages: dropped.chunks, droppedBytes: dropped.size },
    server: {
      rssBytes: rss,
      heapUsedBytes: heapUsed,
      externalBytes: external,
      uptimeS: process.uptime(),
    },
  };
}
