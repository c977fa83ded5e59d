import type { WebSocket } from "@fastify/websocket";
import type { Broadcast } from "@spillway/streams";
import type { FastifyInstance } from "fastify";
import type { ConnectionView } from "../flow-snapshot.ts";
import type { Picture } from "../picture.ts";

/** What plain `ws.send()` may pile up for one viewer before the demo ends it. */
const CAP_BYTES = 32 << 20;
/** Viewers that may do so at a time. */
const MAX_VIEWERS = 4;

interface PlainViewer {
  readonly id: string;
  readonly viewer: string | null;
  readonly openedAt: number;
  sentMessages: number;
  sentBytes: number;
}

const viewersOf = new WeakMap<object, Map<WebSocket, PlainViewer>>();
let count = 0;

/**
 * `/streams/plain`: the same pictures the usual way, `socket.send()` for each, to compare with. A
 * viewer that does not read makes this process grow, here up to a cap.
 */
export async function plainRoutes(
  app: FastifyInstance,
  { video }: { readonly video: Broadcast<Picture, Uint8Array> },
): Promise<void> {
  const viewers = new Map<WebSocket, PlainViewer>();
  viewersOf.set(app.server, viewers);

  app.get<{ Querystring: { viewer?: string } }>(
    "/streams/plain",
    { websocket: true },
    async (socket, request) => {
      if (viewers.size >= MAX_VIEWERS) {
        socket.close(1013, `At most ${MAX_VIEWERS} plain viewers at a time; try again later`);
        return;
      }
      const viewer: PlainViewer = {
        id: `p${++count}`,
        viewer: request.query.viewer ?? null,
        openedAt: performance.now(),
        sentMessages: 0,
        sentBytes: 0,
      };
      viewers.set(socket, viewer);
      const gone = new AbortController();
      socket.on("close", () => {
        viewers.delete(socket);
        gone.abort();
      });
      await sendAll(socket, viewer, video.subscribe({ signal: gone.signal })).catch(
        (error: unknown) => request.log.debug({ err: error }, "plain viewer ended"),
      );
      socket.close(1000);
    },
  );
}

async function sendAll(
  socket: WebSocket,
  viewer: PlainViewer,
  pictures: ReadableStream<Uint8Array>,
): Promise<void> {
  for await (const message of pictures) {
    socket.send(message);
    viewer.sentMessages++;
    viewer.sentBytes += message.byteLength;
    if (socket.bufferedAmount <= CAP_BYTES) continue;
    // A Close frame would wait behind the whole backlog; nobody is served by keeping that.
    socket.terminate();
    return;
  }
}

/** The plain viewers as the flow panel shows them. */
export function plainConnections(app: FastifyInstance): ConnectionView[] {
  const now = performance.now();
  return [...(viewersOf.get(app.server) ?? [])].map(([socket, viewer]) => ({
    id: viewer.id,
    route: "/streams/plain",
    viewer: viewer.viewer,
    state: socket.bufferedAmount > 0 ? "congested" : "healthy",
    layer: null,
    ageMs: null,
    silentForMs: null,
    queuedBytes: 0,
    bufferedBytes: socket.bufferedAmount,
    inFlightBytes: socket.bufferedAmount,
    windowBytes: null,
    acknowledgedBy: null,
    lanes: [],
    rttMs: null,
    sentMessages: viewer.sentMessages,
    sentBytes: viewer.sentBytes,
    receivedMessages: 0,
    droppedMessages: 0,
    droppedBytes: 0,
    drops: {},
    stalledForMs: 0,
    connectedForMs: now - viewer.openedAt,
  }));
}
