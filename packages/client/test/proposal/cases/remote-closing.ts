import type { Case, Setting } from "../case.ts";
import { equal, holds, isDomException, rejection } from "../check.ts";
import type { SocketError } from "../shape.ts";

/** More than what kernels and browsers take from a writer whose peer reads nothing. */
const UNSENDABLE_BYTES = 16 * 1024 * 1024;

const CLOSES: readonly (readonly [Record<string, string>, number, string])[] = [
  [{}, 1005, ""],
  [{ code: "1000" }, 1000, ""],
  [{ code: "1001", reason: "going" }, 1001, "going"],
  [{ code: "1011", reason: "trouble" }, 1011, "trouble"],
  [{ code: "4000", reason: "\u30ED\u30DC" }, 4000, "\u30ED\u30DC"],
];

/** https://github.com/whatwg/websockets/pull/48, what the other end does to the connection */
export const remoteClosingCases: readonly Case[] = [
  ...CLOSES.map(([query, closeCode, reason]) => ({
    name: `remote close: ${JSON.stringify(query)} is what closed tells`,
    async run({ WebSocketStream, server }: Setting) {
      const socket = new WebSocketStream(server.at("close", query));
      const { readable, writable } = await socket.opened;
      const closed = await socket.closed;
      equal(closed.closeCode, closeCode, "closeCode");
      equal(closed.reason, reason, "reason");
      equal((await readable.getReader().read()).done, true, "done");
      const writer = writable.getWriter();
      isDomException(await rejection(writer.ready), "InvalidStateError");
      isDomException(await rejection(writer.closed), "InvalidStateError");
    },
  })),
  {
    name: "remote close: a read that waits ends, and a writer's closed rejects",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("goodbye", { code: "4000" }));
      const { readable, writable } = await socket.opened;
      const [reader, writer] = [readable.getReader(), writable.getWriter()];
      const ends = Promise.all([reader.read(), rejection(writer.closed)]);
      await writer.write("say goodbye");
      const [{ done }, error] = await ends;
      equal(done, true, "done");
      isDomException(error, "InvalidStateError");
      equal(await rejection(writer.write("too late")), error, "error of a write");
      equal((await socket.closed).closeCode, 4000, "closeCode");
    },
  },
  {
    name: "remote close: its code and reason count when both sides close",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("close", { code: "4222", reason: "remote" }));
      await socket.opened;
      socket.close({ closeCode: 4111, reason: "local" });
      const { closeCode, reason } = await socket.closed;
      equal(closeCode, 4222, "closeCode");
      equal(reason, "remote", "reason");
    },
  },
  {
    name: "remote close: is not clean when something could not be sent",
    async run({ WebSocketStream, WebSocketError, server }) {
      const socket = new WebSocketStream(server.at("close-deaf", { code: "4567" }));
      const { writable } = await socket.opened;
      const closed = rejection(socket.closed);
      const written = rejection(writable.getWriter().write(new Uint8Array(UNSENDABLE_BYTES)));
      await server.tell("close");
      await server.roundTrips();
      await server.tell("drop");
      const error = await closed;
      holds(error instanceof WebSocketError, "it is a WebSocketError");
      equal((error as SocketError).closeCode, 4567, "closeCode");
      holds((await written) instanceof DOMException, "the error of the write is a DOMException");
    },
  },
  {
    name: "remote end: without a Close frame everything rejects with the same error",
    async run({ WebSocketStream, WebSocketError, server }) {
      const socket = new WebSocketStream(server.at("drop"));
      const { readable, writable } = await socket.opened;
      const [reader, writer] = [readable.getReader(), writable.getWriter()];
      const ends = [socket.closed, reader.read(), reader.closed, writer.closed];
      const errors = Promise.all(ends.map(rejection));
      await server.tell("drop");
      const [error, ...others] = await errors;
      holds(error instanceof WebSocketError, "it is a WebSocketError");
      equal((error as SocketError).name, "WebSocketError", "name");
      equal((error as SocketError).closeCode, 1006, "closeCode");
      equal((error as SocketError).reason, "", "reason");
      equal(others, [error, error, error], "the other errors");
      equal(await rejection(writer.ready), error, "error of ready");
      equal(await rejection(writer.write("too late")), error, "error of a write");
    },
  },
  {
    name: "remote end: a write that waits rejects, and those behind it",
    async run({ WebSocketStream, WebSocketError, server }) {
      const socket = new WebSocketStream(server.at("deaf"));
      const { writable } = await socket.opened;
      const writer = writable.getWriter();
      const writes = [new Uint8Array(UNSENDABLE_BYTES), "second", "third"];
      const errors = writes.map((chunk) => rejection(writer.write(chunk)));
      const closed = rejection(socket.closed);
      await server.roundTrips();
      await server.tell("drop");
      const error = await closed;
      holds(error instanceof WebSocketError, "it is a WebSocketError");
      equal((error as SocketError).closeCode, 1006, "closeCode");
      equal(await Promise.all(errors), [error, error, error], "errors of the writes");
    },
  },
  {
    name: "remote end: close() and its kin are harmless afterwards",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("drop"));
      const { readable, writable } = await socket.opened;
      const closed = rejection(socket.closed);
      await server.tell("drop");
      const error = await closed;
      socket.close({ closeCode: 4000 });
      equal(await rejection(readable.cancel()), error, "error of cancel()");
      await writable.abort();
      equal(await rejection(socket.closed), error, "error of closed");
    },
  },
];
