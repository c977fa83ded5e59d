import type { Case, Setting } from "../case.ts";
import {
  equal,
  holds,
  isDomException,
  isPending,
  isTypeError,
  rejection,
  thrown,
} from "../check.ts";
import type { CloseInfo, SocketError } from "../shape.ts";

/** What is asked for, and what the other end must see of it. */
const REQUESTS: readonly (readonly [string, CloseInfo | null | undefined, number, string])[] = [
  ["no argument", undefined, 1005, ""],
  ["null", null, 1005, ""],
  ["an empty object", {}, 1005, ""],
  ["an empty reason", { reason: "" }, 1005, ""],
  ["a reason alone", { reason: "done" }, 1000, "done"],
  ["1000", { closeCode: 1000 }, 1000, ""],
  ["3000", { closeCode: 3000 }, 3000, ""],
  ["4999 and a reason", { closeCode: 4999, reason: "gruß" }, 4999, "gruß"],
  ["half a surrogate pair", { closeCode: 4000, reason: "\uDC00!" }, 4000, "\uFFFD!"],
  ["a reason of 123 bytes", { closeCode: 4000, reason: "r".repeat(123) }, 4000, "r".repeat(123)],
];

/** https://github.com/whatwg/websockets/pull/48, `close()` and `closed` */
export const closingCases: readonly Case[] = [
  ...REQUESTS.map(([what, info, closeCode, reason]) => ({
    name: `close(): ${what} reaches the server and comes back`,
    async run({ WebSocketStream, server }: Setting) {
      const socket = new WebSocketStream(server.at("echo"));
      await socket.opened;
      socket.close(info);
      const closed = await socket.closed;
      equal(closed.closeCode, closeCode, "closeCode");
      equal(closed.reason, reason, "reason");
      const report = await server.report("ended");
      equal(report.closeCode, closeCode, "closeCode at the server");
      equal(report.reason, reason, "reason at the server");
    },
  })),
  ...[0, 999, 1001, 1005, 1006, 2999, 5000].map((closeCode) => ({
    name: `close(): refuses ${closeCode} and stays open`,
    async run({ WebSocketStream, server }: Setting) {
      const socket = new WebSocketStream(server.at("echo"));
      const { readable, writable } = await socket.opened;
      isDomException(
        thrown(() => socket.close({ closeCode })),
        "InvalidAccessError",
      );
      await writable.getWriter().write("still open");
      equal((await readable.getReader().read()).value, "still open", "what comes back");
      socket.close();
      equal((await socket.closed).closeCode, 1005, "closeCode");
    },
  })),
  {
    name: "close(): refuses a reason of more than 123 bytes of UTF-8, with a code and without",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("echo"));
      await socket.opened;
      const reason = "ü".repeat(62);
      isDomException(
        thrown(() => socket.close({ reason })),
        "SyntaxError",
      );
      isDomException(
        thrown(() => socket.close({ closeCode: 4000, reason })),
        "SyntaxError",
      );
      socket.close();
      equal((await socket.closed).closeCode, 1005, "closeCode");
    },
  },
  {
    name: "close(): refuses what is no close info",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("echo"));
      await socket.opened;
      for (const given of [true, 4000, "done"]) {
        isTypeError(thrown(() => socket.close(given as CloseInfo)));
      }
      for (const given of [-1, 65_536, Number.NaN, "code"]) {
        isTypeError(thrown(() => socket.close({ closeCode: given as number })));
      }
      socket.close();
      equal((await socket.closed).closeCode, 1005, "closeCode");
    },
  },
  {
    name: "close(): the first of two counts, and both are checked",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("echo"));
      await socket.opened;
      socket.close({ closeCode: 4001, reason: "first" });
      socket.close({ closeCode: 4002, reason: "second" });
      isDomException(
        thrown(() => socket.close({ closeCode: 1 })),
        "InvalidAccessError",
      );
      const { closeCode, reason } = await socket.closed;
      equal(closeCode, 4001, "closeCode");
      equal(reason, "first", "reason");
      socket.close({ closeCode: 4003 });
      isDomException(
        thrown(() => socket.close({ closeCode: 1 })),
        "InvalidAccessError",
      );
    },
  },
  {
    name: "close(): the readable ends, for a read that waits as well",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("echo"));
      const { readable } = await socket.opened;
      const reader = readable.getReader();
      const waiting = reader.read();
      socket.close();
      equal((await waiting).done, true, "done");
      equal((await reader.read()).done, true, "done again");
      await reader.closed;
      await socket.closed;
    },
  },
  {
    name: "close(): the writable errors with InvalidStateError",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("echo"));
      const { writable } = await socket.opened;
      const writer = writable.getWriter();
      const ofClosed = rejection(writer.closed);
      socket.close();
      await socket.closed;
      const error = await ofClosed;
      isDomException(error, "InvalidStateError");
      equal(await rejection(writer.ready), error, "error of ready");
      equal(await rejection(writer.write("too late")), error, "error of a write");
    },
  },
  {
    name: "close(): what was written before reaches the server",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("quiet"));
      const { writable } = await socket.opened;
      const writer = writable.getWriter();
      for (const message of ["one", "two", "three"]) await writer.write(message);
      socket.close({ closeCode: 4000 });
      equal((await socket.closed).closeCode, 4000, "closeCode");
      equal((await server.report("ended")).messages, ["one", "two", "three"], "messages");
    },
  },
  {
    name: "close(): what had come before is read before the end",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("greet"));
      const { readable } = await socket.opened;
      await server.roundTrips();
      socket.close();
      await socket.closed;
      equal((await readable.getReader().read()).value, "hello", "first message");
    },
  },
  {
    name: "close(): is done though nobody reads what the server has to say still",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("push", { count: "32", size: `${128 * 1024}` }));
      await socket.opened;
      socket.close({ closeCode: 4000 });
      equal((await socket.closed).closeCode, 4000, "closeCode");
    },
  },
  {
    name: "close(): what the server sends after that is not delivered",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("late"));
      const { readable } = await socket.opened;
      const reader = readable.getReader();
      socket.close({ closeCode: 4000 });
      equal((await reader.read()).done, true, "done");
      equal((await socket.closed).closeCode, 4000, "closeCode");
    },
  },
  {
    name: "closed: gives a plain object",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("close", { code: "4000" }));
      const closed = await socket.closed;
      equal(Object.keys(closed).toSorted(), ["closeCode", "reason"], "keys");
      equal(Object.getPrototypeOf(closed), Object.prototype, "prototype");
    },
  },
  {
    name: "closed: waits for the server's Close frame",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("deaf"));
      await socket.opened;
      socket.close({ closeCode: 4000 });
      await server.roundTrips();
      holds(await isPending(socket.closed), "closed is pending");
      await server.tell("read");
      equal((await socket.closed).closeCode, 4000, "closeCode");
    },
  },
  {
    name: "closed: rejects when the server goes instead of answering a close",
    async run({ WebSocketStream, WebSocketError, server }) {
      const socket = new WebSocketStream(server.at("vanish"));
      const { readable, writable } = await socket.opened;
      const [reader, writer] = [readable.getReader(), writable.getWriter()];
      const waiting = rejection(reader.read());
      socket.close({ closeCode: 4000, reason: "because" });
      const error = await rejection(socket.closed);
      holds(error instanceof WebSocketError, "it is a WebSocketError");
      equal((error as SocketError).closeCode, 1006, "closeCode");
      equal(await waiting, error, "error of a read");
      equal(await rejection(writer.closed), error, "error of the writable");
      equal((await server.report("ended")).closeCode, 4000, "closeCode at the server");
    },
  },
];
