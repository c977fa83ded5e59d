import type { Case } from "../case.ts";
import { equal, holds, isPending, rejection } from "../check.ts";

/** More than kernels and browsers hold between a writer and a peer that reads nothing. */
const UNSENDABLE_BYTES = 16 * 1024 * 1024;
const MESSAGE_BYTES = 256 * 1024;
const MESSAGES = 256;

/** https://github.com/ricea/websocketstream-explainer: backpressure in both directions */
export const pressureCases: readonly Case[] = [
  {
    name: "backpressure: a write waits while the server reads nothing",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("deaf"));
      const { writable } = await socket.opened;
      const writer = writable.getWriter();
      const written = writer.write(new Uint8Array(UNSENDABLE_BYTES));
      await server.roundTrips();
      holds(await isPending(written), "the write is pending");
      holds((writer.desiredSize ?? 1) <= 0, "no more is wanted");
      holds(await isPending(writer.ready), "ready is pending");
      await server.tell("read");
      await written;
      await writer.ready;
      await writer.close();
      const { messages } = await server.report("ended");
      equal(messages, [`binary:${UNSENDABLE_BYTES} bytes`], "messages");
    },
  },
  {
    name: "backpressure: close() behind a write that waits is clean once the server reads",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("deaf"));
      const { writable } = await socket.opened;
      const written = writable.getWriter().write(new Uint8Array(UNSENDABLE_BYTES));
      await server.roundTrips();
      socket.close({ closeCode: 4000 });
      holds(await isPending(socket.closed), "closed is pending");
      await server.tell("read");
      await written;
      equal((await socket.closed).closeCode, 4000, "closeCode");
      const { messages } = await server.report("ended");
      equal(messages, [`binary:${UNSENDABLE_BYTES} bytes`], "messages");
    },
  },
  {
    name: "backpressure: abort() settles once the write before it has, and the socket closes",
    async run({ WebSocketStream, WebSocketError, server }) {
      const socket = new WebSocketStream(server.at("deaf"));
      const { writable } = await socket.opened;
      const writer = writable.getWriter();
      const written = Promise.allSettled([writer.write(new Uint8Array(UNSENDABLE_BYTES))]);
      const behind = rejection(writer.write("never sent"));
      await server.roundTrips();
      const reason = new WebSocketError("", { closeCode: 4000 });
      const aborted = writer.abort(reason);
      equal(await rejection(writer.ready), reason, "error of ready");
      await server.tell("read");
      await aborted;
      await written;
      equal(await behind, reason, "error of the write behind");
      equal((await socket.closed).closeCode, 4000, "closeCode");
    },
  },
  {
    name: "backpressure: the server cannot send on while nobody reads",
    async run({ WebSocketStream, server }) {
      const query = { count: `${MESSAGES}`, size: `${MESSAGE_BYTES}` };
      const socket = new WebSocketStream(server.at("push", query));
      const { readable } = await socket.opened;
      const { sent } = await server.report("still");
      holds(sent < MESSAGES, `${sent} messages were sent, fewer than ${MESSAGES}`);
      const reader = readable.getReader();
      for (let index = 0; index < MESSAGES; index++) {
        const { value } = await reader.read();
        equal((value as Uint8Array).byteLength, MESSAGE_BYTES, "length");
      }
      equal((await server.report()).sent, MESSAGES, "messages sent");
      socket.close();
      await socket.closed;
    },
  },
];
