import type { Case, Setting } from "../case.ts";
import { equal, holds, isDomException, rejection } from "../check.ts";
import type { SocketError } from "../shape.ts";

/** Both promises must tell of a handshake that failed. */
async function failsToOpen(
  { WebSocketStream, WebSocketError }: Setting,
  url: string,
  protocols: readonly string[] = [],
): Promise<void> {
  const socket = new WebSocketStream(url, { protocols });
  const ends = [rejection(socket.opened), rejection(socket.closed)];
  const [ofOpened, ofClosed] = await Promise.all(ends);
  for (const error of [ofOpened, ofClosed]) {
    isDomException(error, "WebSocketError");
    holds(error instanceof WebSocketError, "it is a WebSocketError");
  }
  equal((ofOpened as SocketError).closeCode, null, "closeCode of opened");
  equal((ofClosed as SocketError).closeCode, 1006, "closeCode of closed");
  equal((ofClosed as SocketError).reason, "", "reason of closed");
}

/** What the client of a case that says `["alpha", "beta"]` offered, without what it adds by itself. */
function ownOf(offered: readonly string[]): string[] {
  return offered.filter((each) => each === "alpha" || each === "beta");
}

/** https://github.com/whatwg/websockets/pull/48, `opened` */
export const openingCases: readonly Case[] = [
  {
    name: "opened: gives real streams, and what was agreed on as strings",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("echo"));
      const { readable, writable, extensions, protocol } = await socket.opened;
      // Only real streams pass the checks of these.
      ReadableStream.prototype.getReader.call(readable);
      WritableStream.prototype.getWriter.call(writable);
      equal(extensions, "", "extensions");
      equal(protocol, "", "protocol");
      socket.close();
      await socket.closed;
    },
  },
  {
    name: "opened: gives a plain object",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("echo"));
      const info = await socket.opened;
      const keys = ["extensions", "protocol", "readable", "writable"];
      equal(Object.keys(info).toSorted(), keys, "keys");
      equal(Object.getPrototypeOf(info), Object.prototype, "prototype");
      socket.close();
      await socket.closed;
    },
  },
  {
    name: "opened: tells the extension that both sides know",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("echo", { deflate: "1" }));
      const { extensions } = await socket.opened;
      holds(/^permessage-deflate\b/u.test(extensions), `${extensions} is permessage-deflate`);
      socket.close();
      await socket.closed;
    },
  },
  ...["alpha", "beta"].map((wanted) => ({
    name: `opened: tells that the server picked ${wanted}`,
    async run({ WebSocketStream, server }: Setting) {
      const url = server.at("quiet", { pick: wanted });
      const socket = new WebSocketStream(url, { protocols: ["alpha", "beta"] });
      equal((await socket.opened).protocol, wanted, "protocol");
      equal(ownOf((await server.report()).offered), ["alpha", "beta"], "what was offered");
      socket.close();
      await socket.closed;
    },
  })),
  {
    name: "opened: rejects when the server picks none of the protocols",
    async run(setting) {
      await failsToOpen(setting, setting.server.at("quiet", { pick: "none" }), ["alpha"]);
    },
  },
  {
    name: "opened: rejects when the server picks a protocol nobody offered",
    async run(setting) {
      await failsToOpen(setting, setting.server.at("quiet", { pick: "beta" }), ["alpha"]);
    },
  },
  {
    name: "opened: rejects when the server refuses the handshake",
    async run(setting) {
      await failsToOpen(setting, setting.server.at("reject"));
    },
  },
  {
    name: "opened: whoever looks at it alone is not told of closed by the runtime",
    async run({ WebSocketStream, server }) {
      // An unhandled rejection fails the run.
      isDomException(
        await rejection(new WebSocketStream(server.at("reject")).opened),
        "WebSocketError",
      );
      await server.roundTrips();
    },
  },
  {
    name: "opened: what the server says at once is not lost on a reader that comes later",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("greet"), { protocols: ["alpha"] });
      const { readable } = await socket.opened;
      await server.roundTrips();
      const reader = readable.getReader();
      equal((await reader.read()).value, "hello", "first message");
      await reader.read();
      socket.close();
      await socket.closed;
    },
  },
  {
    name: "close(): before the socket is open fails the handshake",
    async run(setting) {
      const { WebSocketStream, WebSocketError, server } = setting;
      const socket = new WebSocketStream(server.at("never"));
      const ends = [rejection(socket.opened), rejection(socket.closed)];
      await server.report("requested");
      socket.close({ closeCode: 4000, reason: "no more" });
      for (const error of await Promise.all(ends)) {
        holds(error instanceof WebSocketError, "it is a WebSocketError");
      }
      holds((await server.report("ended")).hasEnded, "the server is rid of it");
    },
  },
  {
    name: "close(): at once after the constructor fails the handshake",
    async run({ WebSocketStream, WebSocketError, server }) {
      const socket = new WebSocketStream(server.at("echo"));
      socket.close();
      socket.close();
      const ends = [rejection(socket.opened), rejection(socket.closed)];
      for (const error of await Promise.all(ends)) {
        holds(error instanceof WebSocketError, "it is a WebSocketError");
      }
    },
  },
];
