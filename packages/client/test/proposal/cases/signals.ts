import type { Case } from "../case.ts";
import { equal, holds, isDomException, rejection } from "../check.ts";
import type { SocketStream } from "../shape.ts";

async function bothRejections(socket: SocketStream): Promise<unknown[]> {
  return Promise.all([rejection(socket.opened), rejection(socket.closed)]);
}

/** https://github.com/whatwg/websockets/pull/48, the option `signal` */
export const signalCases: readonly Case[] = [
  {
    name: "signal: aborted before, nothing is sent",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("echo"), { signal: AbortSignal.abort() });
      for (const error of await bothRejections(socket)) isDomException(error, "AbortError");
      await server.roundTrips();
      equal((await server.report()).requests, 0, "requests");
    },
  },
  {
    name: "signal: aborted before with a reason, both promises reject with it",
    async run({ WebSocketStream, server }) {
      const reason = new Error("no longer needed");
      const signal = AbortSignal.abort(reason);
      const socket = new WebSocketStream(server.at("echo"), { signal });
      equal(await bothRejections(socket), [reason, reason], "reasons");
    },
  },
  {
    name: "signal: aborted before, the URL is checked and kept all the same",
    async run({ WebSocketStream, server }) {
      const url = server.at("echo");
      const socket = new WebSocketStream(url, { signal: AbortSignal.abort() });
      await bothRejections(socket);
      equal(socket.url, url, "url");
    },
  },
  {
    name: "signal: aborted during the handshake, the handshake ends",
    async run({ WebSocketStream, server }) {
      const controller = new AbortController();
      const socket = new WebSocketStream(server.at("never"), { signal: controller.signal });
      const ends = bothRejections(socket);
      await server.report("requested");
      controller.abort();
      for (const error of await ends) isDomException(error, "AbortError");
      holds((await server.report("ended")).hasEnded, "the server is rid of it");
    },
  },
  {
    name: "signal: aborted during the handshake with a reason, both promises reject with it",
    async run({ WebSocketStream, server }) {
      const controller = new AbortController();
      const socket = new WebSocketStream(server.at("never"), { signal: controller.signal });
      const ends = bothRejections(socket);
      await server.report("requested");
      controller.abort("enough");
      equal(await ends, ["enough", "enough"], "reasons");
    },
  },
  {
    name: "signal: a time limit shows as what it is",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("never"), { signal: AbortSignal.timeout(20) });
      for (const error of await bothRejections(socket)) isDomException(error, "TimeoutError");
    },
  },
  {
    name: "signal: aborted after opening, nothing happens",
    async run({ WebSocketStream, server }) {
      const controller = new AbortController();
      const socket = new WebSocketStream(server.at("echo"), { signal: controller.signal });
      const { readable, writable } = await socket.opened;
      controller.abort();
      await writable.getWriter().write("still here");
      equal((await readable.getReader().read()).value, "still here", "what comes back");
      socket.close({ closeCode: 4000 });
      equal((await socket.closed).closeCode, 4000, "closeCode");
    },
  },
];
