import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type WebSocket, WebSocketServer } from "ws";
import { CreditPeer } from "../credit-peer.ts";
import type { Report } from "./report.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A server that speaks the subprotocol, `ws://host:port`. */
    creditServer: string;
  }
}

/** A server for tests that run in a page, and can only ask from there what it has seen. */
export default async function setup(project: TestProject): Promise<() => void> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  const peers = new Map<string, CreditPeer>();
  server.on("connection", (socket, request) => {
    const [, route = "", id = "", count = "0"] = (request.url ?? "").split("/");
    const play = routes[route];
    if (play) peers.set(id, play(socket, peers.has(id)));
    const peer = peers.get(id);
    if (route === "read") peer?.read(Number(count));
    if (!play && peer) socket.send(JSON.stringify(reportOf(peer)));
  });
  await once(server, "listening");
  project.provide("creditServer", `ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return () => {
    for (const client of server.clients) client.terminate();
    server.close();
  };
}

const PIECE = new Uint8Array(1024);

/** Pictures after which a first connection is lost. */
const LOST_AFTER = 100;

/** `isAgain`: whether this client was here before. */
const routes: Record<string, (socket: WebSocket, isAgain: boolean) => CreditPeer> = {
  /** Sends whenever there is credit. */
  flood: (socket) => speak(socket, (peer) => flood(peer, 0)),
  /** Floods one lane, and sends back on the other what it gets. */
  lanes: (socket) => {
    let isNamed = false;
    return speak(socket, (peer) => {
      if (!isNamed) peer.name(1, "video");
      if (!isNamed) peer.name(2, "chat");
      isNamed = true;
      for (const message of peer.read(Infinity)) {
        peer.send(message, 2);
        peer.ask(2);
      }
      flood(peer, 1);
    });
  },
  /** Sends a clip on a lane, from its beginning; the first time it resets the connection on the way. */
  clip: (socket, isAgain) => {
    const pictures = readClip();
    let sent: number | undefined;
    return speak(socket, (peer) => {
      if (sent === undefined) peer.name(1, "video");
      const before = (sent ??= 0);
      const last = isAgain ? pictures.length : LOST_AFTER;
      while (sent < last && peer.send(pictures[sent] as Uint8Array, 1)) sent++;
      if (sent > before) peer.ask(1);
      if (before === last) return;
      if (sent === last && isAgain) peer.say({ type: "end", lane: 1 });
      else if (sent === last) socket.terminate();
    });
  },
  /** Takes what the credit allows, and reads what it is told to. */
  hold: (socket) => speak(socket, () => {}),
};

/** @param heard - called once the hello of the client is here, and after whatever it sends */
function speak(socket: WebSocket, heard: (peer: CreditPeer) => void): CreditPeer {
  const peer = new CreditPeer({ send: (message) => socket.send(message) });
  peer.hello();
  socket.on("message", (data, isBinary) => {
    const bytes = data as Buffer;
    try {
      peer.receive(isBinary ? new Uint8Array(bytes) : bytes.toString());
      heard(peer);
    } catch (error) {
      // The test sees that its connection is gone, and why.
      socket.close(4999, String(error).slice(0, 100));
    }
  });
  return peer;
}

/** The pictures of an IVF file, in VP8. */
function readClip(): Uint8Array[] {
  const file = readFileSync(
    join(import.meta.dirname, "../../../../apps/demo/clip/spillway-low.ivf"),
  );
  const pictures: Uint8Array[] = [];
  for (let at = file.readUInt16LE(6); at < file.byteLength;) {
    const begin = at + 12;
    at = begin + file.readUInt32LE(at);
    pictures.push(file.subarray(begin, at));
  }
  return pictures;
}

function flood(peer: CreditPeer, lane: number): void {
  let sent = 0;
  while (peer.send(PIECE, lane)) sent++;
  if (sent > 0) peer.ask(lane);
}

function reportOf(peer: CreditPeer): Report {
  return {
    received: peer.received,
    peak: peer.peak,
    given: peer.given,
    sent: [0, 1, 2].map((lane) => peer.sentOn(lane)),
  };
}
