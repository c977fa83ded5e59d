import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { broadcast } from "@spillway/streams";
import { settle, waitFor } from "@spillway/testing";
import { accept, type Connection, type ConnectionOptions, frame } from "@spillway/websocket";
import { describe, expect, onTestFinished, test } from "vitest";
import { type PerMessageDeflateOptions, WebSocket, WebSocketServer } from "ws";

type Message = string | Buffer;

interface Pair {
  readonly connection: Connection;
  readonly client: WebSocket;
  readonly received: Message[];
  /** Until the client has `count` messages. */
  arrived(count: number): Promise<void>;
}

/** A server and a client that have agreed on `permessage-deflate` in some way. */
async function connect(
  server: PerMessageDeflateOptions,
  client: PerMessageDeflateOptions | boolean = true,
  options: ConnectionOptions = {},
  forget?: (socket: WebSocket) => void,
): Promise<Pair> {
  const wss = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: server });
  onTestFinished(() => {
    for (const socket of wss.clients) socket.terminate();
    wss.close();
  });
  await once(wss, "listening");
  const accepted = new Promise<Connection>((resolve) => {
    wss.once("connection", (socket, request) => {
      forget?.(socket);
      resolve(accept(socket, request, options));
    });
  });
  const url = `ws://127.0.0.1:${(wss.address() as AddressInfo).port}`;
  const socket = new WebSocket(url, { perMessageDeflate: client });
  const received: Message[] = [];
  socket.on("message", (data: Buffer, isBinary) =>
    received.push(isBinary ? data : data.toString()),
  );
  await once(socket, "open");
  const arrived = async (count: number): Promise<void> =>
    waitFor(() => received.length >= count, { message: `${count} messages`, timeoutMs: 20_000 });
  return { connection: await accepted, client: socket, received, arrived };
}

/** What is compressed by every path: small, large, cut into fragments, shared, and what is not. */
function makeMessages(): { readonly chunk: string | Buffer; readonly prepared?: boolean }[] {
  const words = ["spillway ", "backpressure ", "keyframe ", "température ", "🌊 "];
  const text = (length: number, seed: number): string => {
    let made = `${seed}:`;
    for (let at = seed; made.length < length; at++) made += words[(at * 7) % words.length];
    return made;
  };
  const messages: { chunk: string | Buffer; prepared?: boolean }[] = [];
  for (const [index, length] of [0, 10, 1_023, 1_024, 3_000, 16_384, 40_000, 300_000].entries()) {
    for (const prepared of [false, true]) {
      messages.push({ chunk: text(length, index), prepared });
      messages.push({ chunk: Buffer.from(text(length, index + 3)), prepared });
      messages.push({ chunk: randomBytes(length), prepared });
    }
  }
  return messages;
}

const negotiations: [string, PerMessageDeflateOptions, (PerMessageDeflateOptions | boolean)?][] = [
  ["context takeover on both sides", {}],
  ["no context takeover", { serverNoContextTakeover: true, clientNoContextTakeover: true }],
  ["a window of 512 bytes, by the server", { serverMaxWindowBits: 9 }],
  ["a window of 1 KiB, asked for by the client", {}, { serverMaxWindowBits: 10 }],
  ["a window of 256 bytes, which zlib cannot do", { serverMaxWindowBits: 8 }],
  ["a client without permessage-deflate", {}, false],
];

describe("permessage-deflate", () => {
  test.each(negotiations)("with %s everything arrives unchanged and in order", async (...given) => {
    const [, server, client] = given;
    const { connection, received, arrived } = await connect(server, client, { window: false });
    const messages = [...makeMessages(), ...makeMessages()];
    const writer = connection.writable.getWriter();
    for (const { chunk, prepared } of messages) {
      await writer.ready;
      const compress = typeof chunk === "string" ? true : undefined;
      void writer.write(prepared ? frame(chunk, { compress }) : chunk);
    }
    await arrived(messages.length);
    for (const [index, { chunk }] of messages.entries()) {
      const got = received[index] as Message;
      const isSame = typeof chunk === "string" ? got === chunk : chunk.equals(got as Buffer);
      expect(isSame, `message ${index}`).toBe(true);
    }
    await waitFor(() => connection.stats().bufferedBytes === 0);
    expect(connection.stats()).toMatchObject({ queuedBytes: 0, sentMessages: messages.length });
  });

  test("compresses what is large enough, unless it says otherwise", async () => {
    const { connection, arrived } = await connect({});
    const text = "a".repeat(2_000);
    let count = 0;
    const sentBytes = async (chunk: Parameters<Connection["send"]>[0]): Promise<number> => {
      const before = connection.stats().sentBytes;
      expect(connection.send(chunk)).toBe(true);
      await arrived(++count);
      return connection.stats().sentBytes - before;
    };
    expect(await sentBytes(text)).toBeLessThan(50);
    expect(await sentBytes(Buffer.from(text))).toBeLessThan(50);
    expect(await sentBytes(frame(text))).toBeLessThan(50);
    expect(await sentBytes(frame(text, { compress: false }))).toBe(2_004);
    expect(await sentBytes("a".repeat(500))).toBe(504);
    expect(await sentBytes(frame("a".repeat(500), { compress: true }))).toBeLessThan(50);
    expect(await sentBytes(frame("a".repeat(200_000)))).toBeLessThan(1_000);
    expect(await sentBytes(randomBytes(2_000))).toBe(2_004);
    expect(await sentBytes(frame("", { compress: true }))).toBe(2);
  });

  test("compresses what follows others in the same turn", async () => {
    const { connection, received, arrived } = await connect({ serverNoContextTakeover: true });
    const writer = connection.writable.getWriter();
    for (let count = 0; count < 10; count++)
      void writer.write(Buffer.alloc(2_000, "compressible "));
    expect(connection.stats().sentBytes).toBeLessThan(10 * 200);
    await arrived(10);
    for (const message of received) expect(message).toEqual(Buffer.alloc(2_000, "compressible "));
  });

  test("compresses a frame once for all who agreed to the same window", async () => {
    const hub = broadcast<string, ReturnType<typeof frame>>({ encode: (text) => frame(text) });
    const pairs = await Promise.all([
      connect({}),
      connect({}),
      connect({ serverMaxWindowBits: 9 }),
    ]);
    // The first answer is asked for before anything is sent.
    for (const { connection } of pairs) connection.send("first");
    await Promise.all(pairs.map(({ arrived }) => arrived(1)));
    const sent: Uint8Array[][] = pairs.map(() => []);
    for (const [index, { connection }] of pairs.entries()) {
      const { socket } = connection.request;
      const write = socket.write.bind(socket) as (data: Uint8Array, done: () => void) => boolean;
      socket.write = ((data: Uint8Array, done: () => void) => {
        sent[index]?.push(data);
        return write(data, done);
      }) as typeof socket.write;
      hub
        .subscribe()
        .pipeTo(connection.writable)
        .catch(() => {});
    }
    await settle();
    const text = "a shared text ".repeat(200);
    hub.publish(text);
    await Promise.all(pairs.map(({ arrived }) => arrived(2)));
    for (const { received } of pairs) expect(received).toEqual(["first", text]);
    expect(sent[0]?.[0]).toBe(sent[1]?.[0]);
    expect(sent[0]?.[0]).not.toBe(sent[2]?.[0]);
    hub.close();
  });

  test("a large message is compressed while pings and other connections go on", async () => {
    const options = { maxQueuedBytes: 64 << 20 };
    const { client, connection, received, arrived } = await connect({}, true, options);
    const large = "large ".repeat(2_000_000);
    const writer = connection.writable.getWriter();
    const written = writer.write(large);
    const behind = writer.write("behind");
    const pong = once(client, "pong");
    client.ping();
    await pong;
    expect(received).toEqual([]);
    await arrived(2);
    expect(received[0] === large).toBe(true);
    expect(received[1]).toBe("behind");
    await Promise.all([written, behind]);
  });

  test("a producer that minds ready is refused nothing behind a message that is being compressed", async () => {
    const { connection, received, arrived } = await connect({}, true, { window: 65_536 });
    const writer = connection.writable.getWriter();
    for (const size of [20_000, 1_040_000]) {
      await writer.ready;
      void writer.write(Buffer.alloc(size));
    }
    expect(connection.stats().queuedBytes).toBeGreaterThan(1_048_576);
    await arrived(2);
    expect(received.map(({ length }) => length)).toEqual([20_000, 1_040_000]);
  });

  test("a connection that ends while it compresses leaves nobody waiting", async () => {
    const { client, connection } = await connect({});
    const writer = connection.writable.getWriter();
    const written = writer.write("large ".repeat(2_000_000));
    await settle();
    connection.terminate();
    await expect(written).rejects.toMatchObject({ code: "SPW_ERR_ABORTED" });
    await expect(writer.closed).rejects.toMatchObject({ code: "SPW_ERR_ABORTED" });
    expect(await connection.closed).toMatchObject({ wasClean: false });
    expect(connection.stats()).toMatchObject({ queuedBytes: 0 });
    client.terminate();
  });

  test("where it cannot be known what was agreed on, ws compresses", async () => {
    const forget = (socket: WebSocket): void => {
      const { _extensions: extensions } = socket as unknown as {
        _extensions: Record<string, { params: object }>;
      };
      const known = extensions["permessage-deflate"] as object;
      const hidden = new Proxy(known, {
        get: (target, name) => {
          const stack = new Error("who asks").stack ?? "";
          const value: unknown = Reflect.get(target, name, target);
          if (name === "params" && stack.includes("deflate.ts")) return undefined;
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      extensions["permessage-deflate"] = hidden as { params: object };
    };
    const { connection, received, arrived } = await connect({}, true, {}, forget);
    const messages = makeMessages().filter(({ chunk }) => chunk.length < 20_000);
    const writer = connection.writable.getWriter();
    for (const { chunk, prepared } of messages) {
      await writer.ready;
      void writer.write(prepared ? frame(chunk, { compress: true }) : chunk);
    }
    await arrived(messages.length);
    expect(received.map(String)).toEqual(messages.map(({ chunk }) => String(chunk)));
  });
});
