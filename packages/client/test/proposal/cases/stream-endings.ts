import type { Case, Setting } from "../case.ts";
import { equal, holds, isDomException, isPending, rejection } from "../check.ts";
import type { OpenInfo, SocketError, SocketErrorConstructor } from "../shape.ts";

type Reason = (WebSocketError: SocketErrorConstructor) => unknown;

/** More than what kernels and browsers take from a writer whose peer reads nothing. */
const UNSENDABLE_BYTES = 16 * 1024 * 1024;

/** The ways to give up one side, which both close the socket. */
const WAYS: readonly (readonly [string, (info: OpenInfo, reason?: unknown) => Promise<void>])[] = [
  ["abort()", async ({ writable }, reason) => writable.abort(reason)],
  ["writer.abort()", async ({ writable }, reason) => writable.getWriter().abort(reason)],
  ["cancel()", async ({ readable }, reason) => readable.cancel(reason)],
  ["reader.cancel()", async ({ readable }, reason) => readable.getReader().cancel(reason)],
];

/** A few megabytes, which come while the client closes. */
const PUSH = { count: "32", size: `${128 * 1024}` };

/** Only a `WebSocketError` says how to close. */
const REASONS: readonly (readonly [string, Reason, number, string])[] = [
  ["nothing", () => undefined, 1005, ""],
  ["a plain object", () => ({ closeCode: 3333, reason: "ignored" }), 1005, ""],
  ["another error", () => new Error("ignored"), 1005, ""],
  [
    "another DOMException",
    () => Object.assign(new DOMException("x", "DataError"), { closeCode: 3333, reason: "ignored" }),
    1005,
    "",
  ],
  ["a WebSocketError without a code", (Made) => new Made("not sent"), 1005, ""],
  ["a WebSocketError with a code", (Made) => new Made("", { closeCode: 3333 }), 3333, ""],
  ["a WebSocketError with a reason", (Made) => new Made("", { reason: "why" }), 1000, "why"],
  [
    "a WebSocketError with both",
    (Made) => new Made("", { closeCode: 3456, reason: "why" }),
    3456,
    "why",
  ],
];

/** https://github.com/whatwg/websockets/pull/48, the algorithms of `readable` and `writable` */
export const streamEndingCases: readonly Case[] = [
  ...WAYS.flatMap(([way, giveUp]) =>
    REASONS.map(([what, reasonOf, closeCode, reason]) => ({
      name: `${way}: ${what} closes the socket with ${closeCode}${reason && " and its reason"}`,
      async run({ WebSocketStream, WebSocketError, server }: Setting) {
        const socket = new WebSocketStream(server.at("echo"));
        await giveUp(await socket.opened, reasonOf(WebSocketError));
        const closed = await socket.closed;
        equal(closed.closeCode, closeCode, "closeCode");
        equal(closed.reason, reason, "reason");
        const report = await server.report("ended");
        equal(report.closeCode, closeCode, "closeCode at the server");
        equal(report.reason, reason, "reason at the server");
      },
    })),
  ),
  {
    name: "abort(): the readable ends as after a clean close",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("echo"));
      const { readable, writable } = await socket.opened;
      const writer = writable.getWriter();
      const reason = new Error("given up");
      await writer.abort(reason);
      equal((await readable.getReader().read()).done, true, "done");
      equal(await rejection(writer.closed), reason, "error of the writable");
      equal((await socket.closed).closeCode, 1005, "closeCode");
    },
  },
  {
    name: "abort(): settles when the connection is lost under a write that waits",
    async run({ WebSocketStream, WebSocketError, server }) {
      const socket = new WebSocketStream(server.at("deaf"));
      const { writable } = await socket.opened;
      const writer = writable.getWriter();
      const written = Promise.allSettled([writer.write(new Uint8Array(UNSENDABLE_BYTES))]);
      await server.roundTrips();
      const aborted = Promise.allSettled([writer.abort(new Error("given up"))]);
      const ended = Promise.allSettled([socket.closed]);
      await server.tell("drop");
      await Promise.all([written, aborted]);
      const [closed] = await ended;
      equal(closed.status, "rejected", "closed");
      holds(
        (closed as PromiseRejectedResult).reason instanceof WebSocketError,
        "by an error of ours",
      );
    },
  },
  {
    name: "cancel(): the writable errors with InvalidStateError",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("echo"));
      const { readable, writable } = await socket.opened;
      const ofClosed = rejection(writable.getWriter().closed);
      await readable.cancel();
      isDomException(await ofClosed, "InvalidStateError");
      equal((await socket.closed).closeCode, 1005, "closeCode");
    },
  },
  {
    name: "cancel(): leaving a loop over the readable closes the socket",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("greet"));
      const { readable } = await socket.opened;
      for await (const message of readable) {
        equal(message, "hello", "first message");
        break;
      }
      equal((await socket.closed).closeCode, 1005, "closeCode");
    },
  },
  {
    name: "cancel(): a read that waits ends",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("quiet"));
      const { readable } = await socket.opened;
      const reader = readable.getReader();
      const waiting = reader.read();
      await reader.cancel();
      equal((await waiting).done, true, "done");
      equal((await socket.closed).closeCode, 1005, "closeCode");
    },
  },
  {
    name: "cancel(): the socket closes though the server has much to say still",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("push", PUSH));
      const { readable } = await socket.opened;
      const reader = readable.getReader();
      await reader.read();
      await reader.cancel();
      equal((await socket.closed).closeCode, 1005, "closeCode");
    },
  },
  {
    name: "writer.close(): sends what was written, then a Close frame without a code",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("quiet"));
      const { readable, writable } = await socket.opened;
      const writer = writable.getWriter();
      const written = [writer.write("one"), writer.write("two"), writer.close()];
      await Promise.all(written);
      await writer.closed;
      equal((await socket.closed).closeCode, 1005, "closeCode");
      equal((await readable.getReader().read()).done, true, "done");
      const report = await server.report("ended");
      equal(report.messages, ["one", "two"], "messages");
      equal(report.closeCode, 1005, "closeCode at the server");
    },
  },
  {
    name: "writer.close(): waits for the closing handshake",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("deaf"));
      const { writable } = await socket.opened;
      const closing = writable.getWriter().close();
      await server.roundTrips();
      holds(await isPending(closing), "close() is pending");
      await server.tell("read");
      await closing;
      equal((await socket.closed).closeCode, 1005, "closeCode");
    },
  },
  {
    name: "writer.close(): waits for writes that wait",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("deaf"));
      const { writable } = await socket.opened;
      const writer = writable.getWriter();
      const ends = [
        writer.write(new Uint8Array(UNSENDABLE_BYTES)),
        writer.write("last"),
        writer.close(),
      ];
      await server.roundTrips();
      await server.tell("read");
      await Promise.all(ends);
      equal((await socket.closed).closeCode, 1005, "closeCode");
      const { messages } = await server.report("ended");
      equal(messages, [`binary:${UNSENDABLE_BYTES} bytes`, "last"], "messages");
    },
  },
  {
    name: "writer.close(): rejects when the server goes instead of answering",
    async run({ WebSocketStream, WebSocketError, server }) {
      const socket = new WebSocketStream(server.at("vanish"));
      const { writable } = await socket.opened;
      const ends = [rejection(writable.getWriter().close()), rejection(socket.closed)];
      const [ofClose, ofClosed] = await Promise.all(ends);
      holds(ofClose instanceof WebSocketError, "the error of close() is a WebSocketError");
      equal((ofClosed as SocketError).closeCode, 1006, "closeCode");
    },
  },
  {
    name: "writer.close(): a pipe into the writable ends with a clean close",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("quiet"));
      const { writable } = await socket.opened;
      const messages = ["a", "b", "c"];
      const source = new ReadableStream<string>({
        start(controller) {
          for (const message of messages) controller.enqueue(message);
          controller.close();
        },
      });
      await source.pipeTo(writable);
      equal((await socket.closed).closeCode, 1005, "closeCode");
      equal((await server.report("ended")).messages, messages, "messages");
    },
  },
  {
    name: "pipe: what comes goes back and ends with the server's close",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("push-close", { count: "5", code: "4000" }));
      const { readable } = await socket.opened;
      const seen: unknown[] = [];
      await readable.pipeTo(new WritableStream({ write: (chunk) => void seen.push(chunk) }));
      equal(seen, ["0", "1", "2", "3", "4"], "messages");
      equal((await socket.closed).closeCode, 4000, "closeCode");
    },
  },
];
