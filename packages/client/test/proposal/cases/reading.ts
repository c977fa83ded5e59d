import type { Case, Setting } from "../case.ts";
import { equal, holds, rejection } from "../check.ts";
import type { SocketError } from "../shape.ts";

const TEXTS = ["text", "", "ä€\u{1F50C}", "\uFEFFmark", "a\u0000b", "line\r\n", "x".repeat(70_000)];
const LARGE_BYTES = 5 * 1024 * 1024;

/** The bytes of a binary chunk, whatever holds them. */
function bytesOf(chunk: unknown): Uint8Array {
  return chunk instanceof Uint8Array ? chunk : new Uint8Array(chunk as ArrayBuffer);
}

/** Sends to the echo and gives what comes back. */
async function echoed({ WebSocketStream, server }: Setting, message: unknown): Promise<unknown> {
  const socket = new WebSocketStream(server.at("echo"));
  const { readable, writable } = await socket.opened;
  const reader = readable.getReader();
  const [{ value }] = await Promise.all([reader.read(), writable.getWriter().write(message)]);
  socket.close();
  await socket.closed;
  return value;
}

/** Everything must tell of a connection that failed. */
async function fails(
  { WebSocketStream, WebSocketError, server }: Setting,
  route: string,
): Promise<void> {
  const socket = new WebSocketStream(server.at(route));
  const closed = rejection(socket.closed);
  const { readable, writable } = await socket.opened;
  const error = await closed;
  holds(error instanceof WebSocketError, "it is a WebSocketError");
  equal((error as SocketError).closeCode, 1006, "closeCode");
  equal(await rejection(readable.getReader().read()), error, "error of a read");
  equal(await rejection(writable.getWriter().ready), error, "error of the writable");
}

/** https://github.com/whatwg/websockets/pull/48, what is received */
export const readingCases: readonly Case[] = [
  {
    name: "readable: text comes as strings, as it was sent",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("echo"));
      const { readable, writable } = await socket.opened;
      const [reader, writer] = [readable.getReader(), writable.getWriter()];
      for (const text of TEXTS) {
        const [{ value }] = await Promise.all([reader.read(), writer.write(text)]);
        equal(value, text, "text");
      }
      socket.close();
      await socket.closed;
    },
  },
  {
    name: "readable: binary comes with the bytes that were sent",
    async run(setting) {
      for (const bytes of [new Uint8Array([0, 1, 128, 255]), new Uint8Array(0)]) {
        equal([...bytesOf(await echoed(setting, bytes))], [...bytes], "bytes");
      }
    },
  },
  {
    name: "readable: binary comes as a Uint8Array that owns its memory",
    async run(setting) {
      const value = await echoed(setting, new Uint8Array([1, 2, 3]));
      equal((value as Uint8Array).constructor, Uint8Array, "constructor");
      equal((value as Uint8Array).length, 3, "length");
      equal((value as Uint8Array).buffer.byteLength, 3, "bytes of its buffer");
    },
  },
  {
    name: "readable: a large message is one chunk",
    async run(setting) {
      const sent = new Uint8Array(LARGE_BYTES).fill(7);
      sent[LARGE_BYTES - 1] = 9;
      const received = bytesOf(await echoed(setting, sent));
      equal(received.length, LARGE_BYTES, "length");
      equal(received[0], 7, "first byte");
      equal(received[LARGE_BYTES - 1], 9, "last byte");
    },
  },
  {
    name: "readable: frames of one message are one chunk, and pings are none",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("pieces"));
      const { readable } = await socket.opened;
      const reader = readable.getReader();
      equal((await reader.read()).value, "one message, three frames", "message in three frames");
      equal((await reader.read()).value, "", "empty text");
      equal(bytesOf((await reader.read()).value).length, 0, "length of empty binary");
      socket.close();
      await socket.closed;
    },
  },
  {
    name: "readable: messages of both kinds keep their order",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("echo"));
      const { readable, writable } = await socket.opened;
      const [reader, writer] = [readable.getReader(), writable.getWriter()];
      const write = async (): Promise<void> => {
        for (let index = 0; index < 200; index++) {
          await writer.write(index % 2 === 0 ? `${index}` : new Uint8Array([index]));
        }
      };
      const read = async (): Promise<void> => {
        for (let index = 0; index < 200; index++) {
          const { value } = await reader.read();
          if (index % 2 === 0) equal(value, `${index}`, "text");
          else equal(bytesOf(value)[0], index, "binary");
        }
      };
      await Promise.all([write(), read()]);
      socket.close();
      await socket.closed;
    },
  },
  {
    name: "readable: everything that came before the Close frame is read before the end",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("push-close", { count: "50", code: "4000" }));
      const { readable } = await socket.opened;
      await server.roundTrips();
      const reader = readable.getReader();
      for (let index = 0; index < 50; index++) {
        equal((await reader.read()).value, `${index}`, "message");
      }
      equal((await reader.read()).done, true, "done");
      equal((await socket.closed).closeCode, 4000, "closeCode");
    },
  },
  {
    name: "readable: a frame that is none fails the connection",
    run: async (setting) => fails(setting, "broken"),
  },
  {
    name: "readable: a text that is not UTF-8 fails the connection",
    run: async (setting) => fails(setting, "invalid-text"),
  },
];
