// The process that is looked at: a connection of ours with all its defaults.
import type { IncomingMessage } from "node:http";
import { accept, type Connection } from "@spillway/websocket";
import type { WebSocket } from "ws";
import { answering, notice } from "../../answering.ts";
import { now } from "../../clients/protocol.ts";
import { OwnGauge } from "../../servers/server.ts";
import { serveWs } from "../../servers/ws.ts";
import { feed } from "./feed.ts";
import {
  FEEDS,
  type FeedShape,
  type ServerAnswers,
  type ServerAsk,
  type ServerNotice,
} from "./protocol.ts";

const SAMPLE_MS = 20;

async function answer(ask: ServerAsk): Promise<ServerAnswers[ServerAsk["kind"]]> {
  if (ask.kind === "weigh") {
    const { rssBytes: residentBytes, liveBytes } = await new OwnGauge().memory();
    return { residentBytes, liveBytes };
  }
  const shape = FEEDS[ask.feed];
  const { port } = await serveWs({
    open: (socket, request) => open(socket, request, shape),
    run: async () => {},
  });
  return port;
}

answering(answer);

function open(socket: WebSocket, request: IncomingMessage, shape: FeedShape): void {
  const connection = accept(socket, request);
  feed(connection, shape);
  const looks = setInterval(() => look(connection, shape), SAMPLE_MS);
  void connection.closed.then(() => clearInterval(looks));
  void listen(connection);
}

async function listen(connection: Connection): Promise<void> {
  for await (const state of connection.states()) {
    tell({ kind: "state", change: { atMs: now(), state } });
  }
}

function look(connection: Connection, { bytes }: FeedShape): void {
  const { sentMessages, bufferedBytes, ...stats } = connection.stats();
  const { backpressureMs, windowBytes, acknowledgedBy, inFlightBytes = 0 } = stats;
  // What the page counts is payload, too.
  const takenBytes = Math.max(0, sentMessages * bytes - bufferedBytes);
  const account = { takenBytes, backpressureMs, windowBytes, acknowledgedBy, inFlightBytes };
  tell({ kind: "sample", sample: { atMs: now(), ...account } });
}

function tell(what: ServerNotice): void {
  notice(what);
}
