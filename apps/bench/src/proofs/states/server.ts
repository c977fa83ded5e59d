// The process that is looked at: a connection of ours for each viewer, with all its defaults.
import type { IncomingMessage } from "node:http";
import { fromIterable } from "@spillway/streams";
import { accept, type Connection } from "@spillway/websocket";
import type { WebSocket } from "ws";
import { answering, notice } from "../../answering.ts";
import { now } from "../../clients/protocol.ts";
import { serveWs } from "../../servers/ws.ts";
import { flood, picture } from "../../workloads/freshness/load.ts";
import { showFilm } from "../../workloads/freshness/ours.ts";
import type { Load, ServerAnswers, ServerAsk, ServerNotice, Span } from "./protocol.ts";

const SAMPLE_MS = 20;

const flooded = new Set<Connection>();

async function answer(ask: ServerAsk): Promise<ServerAnswers[ServerAsk["kind"]]> {
  if (ask.kind === "flood") return pour(ask.ms);
  const { port } = await serveWs({ open, run: async () => {} });
  return port;
}

answering(answer);

function open(socket: WebSocket, request: IncomingMessage): void {
  const load = request.url?.slice(1) as Load;
  const connection = accept(socket, request, load === "unbounded" ? { window: false } : {});
  if (load === "film") showFilm(connection);
  else {
    flooded.add(connection);
    connection.send(picture());
  }
  const looks = setInterval(() => look(load, connection), SAMPLE_MS);
  void connection.closed.then(() => clearInterval(looks));
  void listen(load, connection);
}

async function pour(ms: number): Promise<Span> {
  const fromMs = now();
  const pipes = [...flooded].map(async ({ writable }) =>
    fromIterable(floodFor(ms)).pipeTo(writable, { preventClose: true }),
  );
  await Promise.all(pipes);
  return { fromMs, untilMs: fromMs + ms };
}

function* floodFor(ms: number): Generator<Buffer> {
  const untilMs = performance.now() + ms;
  for (const each of flood()) {
    if (performance.now() >= untilMs) return;
    yield each;
  }
}

async function listen(load: Load, connection: Connection): Promise<void> {
  for await (const state of connection.states()) {
    tell({ kind: "state", load, change: { atMs: now(), state } });
  }
}

function look(load: Load, connection: Connection): void {
  const { sentBytes, bufferedBytes, ...stats } = connection.stats();
  const { backpressureMs, windowBytes, acknowledgedBy } = stats;
  const takenBytes = sentBytes - bufferedBytes;
  const sample = { atMs: now(), takenBytes, backpressureMs, windowBytes, acknowledgedBy };
  tell({ kind: "sample", load, sample });
}

function tell(what: ServerNotice): void {
  notice(what);
}
