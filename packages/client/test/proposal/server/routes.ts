import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Seen } from "./seen.ts";

/** One connection of a route. */
interface Peer {
  readonly webSocket: WebSocket;
  /** Below it. */
  readonly socket: Duplex;
  readonly query: URLSearchParams;
  readonly seen: Seen;
}

type Route = (peer: Peer) => void;

/** What the server does with an open connection, by the path of its URL. */
export const routes: Readonly<Record<string, Route>> = {
  /** Sends back what comes. */
  echo: ({ webSocket }) => {
    webSocket.on("message", (data, isBinary) => webSocket.send(data, { binary: isBinary }));
  },
  /** Says nothing. */
  quiet: () => {},
  /** Says hello and which protocol was picked, at once. */
  greet: ({ webSocket }) => {
    webSocket.send("hello");
    webSocket.send(webSocket.protocol);
  },
  /** Closes at once. */
  close: (peer) => close(peer),
  /** Reads nothing, closes when it is told to. */
  "close-deaf": (peer) => {
    peer.socket.pause();
    peer.seen.on("close", () => close(peer));
    peer.seen.on("drop", () => peer.socket.destroy());
  },
  /** Closes after the first message. */
  goodbye: (peer) => {
    peer.webSocket.once("message", () => close(peer));
  },
  /** Drops the socket when it is told to. */
  drop: ({ socket, seen }) => {
    seen.on("drop", () => socket.destroy());
  },
  /** Reads nothing until it is told to: no message and no Close frame. */
  deaf: ({ socket, seen }) => {
    socket.pause();
    seen.on("read", () => socket.resume());
    seen.on("drop", () => socket.destroy());
  },
  /** Sends `count` messages of `size` bytes, each once the one before is in the kernel. */
  push: ({ webSocket, query, seen }) => {
    const size = Number(query.get("size"));
    void push(webSocket, seen, Number(query.get("count")), new Uint8Array(size));
  },
  /** Sends `count` short texts and closes. */
  "push-close": (peer) => {
    for (let index = 0; index < Number(peer.query.get("count")); index++) {
      peer.webSocket.send(`${index}`);
    }
    close(peer);
  },
  /** Sends a message in three frames with a ping in between, and one of each kind that is empty. */
  pieces: ({ webSocket }) => {
    webSocket.send("one ", { fin: false });
    webSocket.send("message", { fin: false });
    webSocket.ping("in between");
    webSocket.send(", three frames", { fin: true });
    webSocket.send("");
    webSocket.send(new Uint8Array(0));
  },
};

function close({ webSocket, query }: Peer): void {
  const code = query.get("code");
  if (code === null) webSocket.close();
  else webSocket.close(Number(code), query.get("reason") ?? "");
}

async function push(
  webSocket: WebSocket,
  seen: Seen,
  count: number,
  message: Uint8Array,
): Promise<void> {
  const gone = once(webSocket, "close");
  for (let sent = 1; sent <= count && webSocket.readyState === webSocket.OPEN; sent++) {
    const handedOver = new Promise<void>((resolve) => {
      webSocket.send(message, () => resolve());
    });
    await Promise.race([handedOver, gone]);
    seen.update({ sent });
  }
}
