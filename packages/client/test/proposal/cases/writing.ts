import type { Case, Setting } from "../case.ts";
import { equal, isTypeError, rejection } from "../check.ts";

const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);

/** What is written, and what the server must see. */
const CHUNKS: readonly (readonly [string, () => unknown, string])[] = [
  ["a string", () => "gruß", "gruß"],
  ["an empty string", () => "", ""],
  ["half a surrogate pair", () => "a\uD800b", "a\uFFFDb"],
  ["a number", () => 4.5, "4.5"],
  ["a BigInt", () => 7n, "7"],
  ["true", () => true, "true"],
  ["null", () => null, "null"],
  ["undefined", () => undefined, "undefined"],
  ["an array", () => [1, [2]], "1,2"],
  ["an object", () => ({}), "[object Object]"],
  ["an object that can be a string", () => ({ toString: () => "said" }), "said"],
  ["a Blob", () => new Blob(["text"]), "[object Blob]"],
  ["an ArrayBuffer", () => bytes.slice().buffer, "binary:0102030405060708"],
  ["an empty ArrayBuffer", () => new ArrayBuffer(0), "binary:"],
  ["an ArrayBuffer that was transferred", () => transferred(), "binary:"],
  ["a Uint8Array", () => bytes.slice(), "binary:0102030405060708"],
  ["part of a buffer", () => bytes.slice().subarray(2, 5), "binary:030405"],
  ["a DataView", () => new DataView(bytes.slice().buffer, 1, 3), "binary:020304"],
  ["a Uint16Array", () => new Uint16Array(bytes.slice().buffer, 2, 2), "binary:03040506"],
];

function transferred(): ArrayBuffer {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}

/** What is neither text nor bytes of its own. */
const REFUSED: readonly (readonly [string, () => unknown])[] = [
  ["a symbol", () => Symbol("chunk")],
  [
    "an object that cannot be a string",
    () => {
      const chunk = { toString: () => chunk };
      return chunk;
    },
  ],
  ["a resizable ArrayBuffer", () => resizable()],
  ["a view of a resizable ArrayBuffer", () => new Uint8Array(resizable())],
  ["a view of shared memory", () => new Uint8Array(shared().buffer)],
];

/** Which the types of ES2023 do not know yet. */
function resizable(): ArrayBuffer {
  const Resizable = ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer;
  return new Resizable(8, { maxByteLength: 16 });
}

/** A page has shared memory by way of WebAssembly even where it has no `SharedArrayBuffer`. */
function shared(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
}

/** https://github.com/whatwg/websockets/pull/48, what is written */
export const writingCases: readonly Case[] = [
  ...CHUNKS.map(([what, make, expected]) => ({
    name: `writable: sends ${what} as ${expected.startsWith("binary:") ? "binary" : "text"}`,
    async run({ WebSocketStream, server }: Setting) {
      const socket = new WebSocketStream(server.at("quiet"));
      const { writable } = await socket.opened;
      const writer = writable.getWriter();
      await writer.write(make());
      await writer.close();
      equal((await server.report("ended")).messages, [expected], "messages");
    },
  })),
  ...REFUSED.map(([what, make]) => ({
    name: `writable: refuses ${what}`,
    async run({ WebSocketStream, server }: Setting) {
      const socket = new WebSocketStream(server.at("quiet"));
      const { writable } = await socket.opened;
      const writer = writable.getWriter();
      const error = await rejection(writer.write(make()));
      isTypeError(error);
      equal(await rejection(writer.closed), error, "error of the writable");
      socket.close();
      equal((await socket.closed).closeCode, 1005, "closeCode");
      equal((await server.report("ended")).messages, [], "messages");
    },
  })),
  {
    name: "writable: an error as a chunk is made a string is the error of the write",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("quiet"));
      const { writable } = await socket.opened;
      const error = new Error("no string");
      const chunk = {
        toString: () => {
          throw error;
        },
      };
      equal(await rejection(writable.getWriter().write(chunk)), error, "error of the write");
      socket.close();
      await socket.closed;
    },
  },
  {
    name: "writable: takes a copy, so that the memory may be used again",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("quiet"));
      const { writable } = await socket.opened;
      const writer = writable.getWriter();
      await writer.write("the sink has started");
      const chunk = bytes.slice();
      const written = writer.write(chunk);
      chunk.fill(255);
      await written;
      await writer.close();
      const { messages } = await server.report("ended");
      equal(messages[1], "binary:0102030405060708", "message");
      equal(chunk.buffer.byteLength, 8, "bytes of the memory");
    },
  },
  {
    name: "writable: writes that nobody waits for keep their order",
    async run({ WebSocketStream, server }) {
      const socket = new WebSocketStream(server.at("quiet"));
      const { writable } = await socket.opened;
      const writer = writable.getWriter();
      const texts = Array.from({ length: 300 }, (_, index) => `${index}`);
      for (const text of texts) void writer.write(text);
      await writer.close();
      equal((await server.report("ended")).messages, texts, "messages");
    },
  },
];
