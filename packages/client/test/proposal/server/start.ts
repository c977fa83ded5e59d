import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type RawData, type WebSocket } from "ws";
import type { Until } from "../report.ts";
import { acceptRaw, rawRoutes } from "./raw.ts";
import { routes } from "./routes.ts";
import { Seen } from "./seen.ts";

/** Longer messages are reported by their length. */
const MAX_REPORTED_BYTES = 64;

/** The server of the proposal's tests; what it saw is told over HTTP. */
export interface RunningServer {
  readonly url: string;
  close(): Promise<void>;
}

export async function startProposalServer(): Promise<RunningServer> {
  const all = new Map<string, Seen>();
  const seenOf = (id: string): Seen => {
    const seen = all.get(id) ?? new Seen();
    all.set(id, seen);
    return seen;
  };
  const http = createServer((request, response) => {
    void answer(request, response, seenOf);
  });
  const plain = new WebSocketServer({ noServer: true, handleProtocols: pick });
  const deflating = new WebSocketServer({
    noServer: true,
    handleProtocols: pick,
    perMessageDeflate: true,
  });
  http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { route, query } = parse(request);
    const seen = seenOf(query.get("id") ?? "");
    const offered = offeredBy(request);
    seen.update({ requests: seen.report.requests + 1, offered });
    socket.on("error", () => {});
    socket.on("close", () => seen.update({ hasEnded: true }));
    const raw = rawRoutes[route];
    const run = routes[route];
    // The sockets of an HTTP server stay half open when their peer has ended.
    if (!run) socket.on("end", () => socket.end());
    if (raw) {
      acceptRaw(request, socket, offered[0]);
      raw(socket, seen);
    } else if (run) {
      const server = query.has("deflate") ? deflating : plain;
      server.handleUpgrade(request, socket, head, (webSocket) => {
        watch(webSocket, seen);
        run({ webSocket, socket, query, seen });
      });
    } else if (route === "never") {
      // Reading shows when the client goes.
      socket.resume();
    } else {
      socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    close: async () => {
      for (const client of [...plain.clients, ...deflating.clients]) client.terminate();
      http.closeAllConnections();
      http.close();
      await once(http, "close");
    },
  };
}

function parse(request: IncomingMessage): { route: string; query: URLSearchParams } {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
  return { route: pathname.slice(1), query: searchParams };
}

function offeredBy(request: IncomingMessage): string[] {
  const header = request.headers["sec-websocket-protocol"] ?? "";
  return header === "" ? [] : header.split(",").map((each) => each.trim());
}

/** What `pick` in the URL names; without it the first that is offered, as `ws` itself does. */
function pick(offered: Set<string>, request: IncomingMessage): string | false {
  const { query } = parse(request);
  const wanted = query.get("pick");
  if (wanted === "none") return false;
  return wanted ?? offered.values().next().value ?? false;
}

function watch(webSocket: WebSocket, seen: Seen): void {
  webSocket.on("error", () => {});
  webSocket.on("message", (data, isBinary) => {
    seen.update({ messages: [...seen.report.messages, describe(data as Buffer, isBinary)] });
  });
  webSocket.on("close", (closeCode, reason) => {
    seen.update({ closeCode, reason: reason.toString() });
  });
}

function describe(data: RawData & Buffer, isBinary: boolean): string {
  if (!isBinary) return data.toString();
  const shown = data.length > MAX_REPORTED_BYTES ? `${data.length} bytes` : data.toString("hex");
  return `binary:${shown}`;
}

/** `GET /report/<id>?until=…` and `POST /tell/<id>/<order>`, from pages of any origin. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  seenOf: (id: string) => Seen,
): Promise<void> {
  const { route, query } = parse(request);
  const [what = "", id = "", order = ""] = route.split("/");
  response.setHeader("access-control-allow-origin", "*");
  if (what === "report") {
    const report = await seenOf(id).reportWhen((query.get("until") ?? "now") as Until);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(report));
    return;
  }
  const isTaken = what === "tell" && seenOf(id).tell(order);
  response.writeHead(isTaken ? 204 : 404).end();
}
