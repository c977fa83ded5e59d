import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketStream, type WebSocketStreamOptions } from "@spillway/client";
import { waitFor } from "@spillway/testing";
import { broadcast } from "@spillway/streams";
import {
  accept,
  type Connection,
  type ConnectionOptions,
  type Frame,
  frame,
} from "@spillway/websocket";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ServerOptions, WebSocket, WebSocketServer } from "ws";
import { outcome } from "./support.ts";

type Message = string | Uint8Array;

interface Together extends AsyncDisposable {
  readonly connection: Connection;
  readonly socket: WebSocketStream;
  readonly readable: ReadableStream<Message>;
  readonly writable: WritableStream<Message>;
}

/** Our client at our server. */
async function together(
  client: WebSocketStreamOptions = {},
  options: ConnectionOptions = {},
  perMessageDeflate: ServerOptions["perMessageDeflate"] = false,
): Promise<Together> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate });
  await once(server, "listening");
  const accepted = new Promise<Connection>((resolve) => {
    server.on("connection", (socket, request) => resolve(accept(socket, request, options)));
  });
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const socket = new WebSocketStream(url, { WebSocket, credits: "require", ...client });
  const [connection, { readable, writable }] = await Promise.all([accepted, socket.opened]);
  const closed = outcome(socket.closed);
  return {
    connection,
    socket,
    readable,
    writable,
    async [Symbol.asyncDispose]() {
      connection.terminate();
      server.close();
      await Promise.all([closed, connection.closed]);
    },
  };
}

/** Reads when it is told to. */
class Reader {
  readonly read: Message[] = [];
  readonly #reader: ReadableStreamDefaultReader<Message>;
  #wanted = 0;
  #isReading = false;

  constructor(readable: ReadableStream<Message>) {
    this.#reader = readable.getReader();
  }

  want(messages: number): void {
    this.#wanted += messages;
    if (!this.#isReading) void outcome(this.#run());
  }

  async #run(): Promise<void> {
    this.#isReading = true;
    while (this.read.length < this.#wanted) {
      const { done, value } = await this.#reader.read();
      if (done) break;
      this.read.push(value);
    }
    this.#isReading = false;
  }
}

/** Writes one after the other, as far as `ready` allows. */
class Writer {
  readonly written: string[] = [];
  readonly #writer: WritableStreamDefaultWriter<string>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(writable: WritableStream<string>) {
    this.#writer = writable.getWriter();
  }

  write(bytes: number): void {
    const number = this.written.length;
    // Some look like control messages.
    const message = `${number % 7 === 0 ? "\u0010" : ""}${number} `.padEnd(bytes, "x");
    this.written.push(message);
    this.#last = this.#last.then(async () => {
      await this.#writer.ready;
      await outcome(this.#writer.write(message));
    });
  }
}

const KB = new Uint8Array(1_024);
const lanes = ["", "film", "news"] as const;

describe("our client at our server", () => {
  test("a page that reads nothing holds the server up at its credit, and goes on as it reads", async () => {
    await using pair = await together({ highWaterMark: 100_000, maxUnreadMessages: 64 });
    const { connection, socket, readable } = pair;
    const writer = connection.writable.getWriter();
    const flood = async (): Promise<void> => {
      for (;;) {
        await writer.ready;
        void writer.write(KB);
      }
    };
    void outcome(flood());
    await waitFor(() => connection.state === "frozen", { message: "the stall" });
    const { inFlightBytes = 0 } = connection.stats();
    expect(inFlightBytes).toBeLessThanOrEqual(64 * 1_024);
    expect(socket.stats().unreadMessages).toBeLessThanOrEqual(64);
    const reader = readable.getReader();
    for (let count = 0; count < 500; count++) {
      expect((await reader.read()).value).toHaveLength(1_024);
    }
    expect(connection.state).not.toBe("frozen");
    expect(socket.stats().unreadMessages).toBeLessThanOrEqual(64);
  });

  test("a server that reads nothing holds the page up, whatever else it sends", async () => {
    await using pair = await together();
    const { connection, socket, readable, writable } = pair;
    const writer = writable.getWriter();
    let written = 0;
    const flood = async (): Promise<void> => {
      for (;;) {
        await writer.write(KB);
        written++;
      }
    };
    void outcome(flood());
    await waitFor(() => (socket.stats().unreadBytesByServer ?? 0) >= 65_536, {
      message: "a stall",
    });
    const reader = readable.getReader();
    for (let count = 0; count < 100; count++) {
      connection.send(`${count}`);
      expect((await reader.read()).value).toBe(`${count}`);
    }
    expect(written).toBeLessThanOrEqual(65);
    expect(connection.state).toBe("healthy");
    const before = written;
    for await (const _ of connection.readable) if (written > before + 200) break;
  });

  test("an echo flat out ends whole", async () => {
    await using pair = await together();
    const { connection, readable, writable } = pair;
    void outcome(connection.readable.pipeTo(connection.writable));
    const messages = 5_000;
    const writer = writable.getWriter();
    const write = async (): Promise<void> => {
      for (let count = 0; count < messages; count++) await writer.write(`${count}`.padEnd(500));
    };
    const written = write();
    const reader = readable.getReader();
    for (let count = 0; count < messages; count++) {
      expect((await reader.read()).value).toBe(`${count}`.padEnd(500));
    }
    await written;
  });

  test("a lane closes where it ends, and all of them with the connection", async () => {
    await using pair = await together();
    const { connection, socket } = pair;
    const news = socket.lane("news").getReader();
    const film = socket.lane("film").getReader();
    const lane = connection.lane({ name: "news" }).getWriter();
    void lane.write("last");
    void lane.close();
    expect(await news.read()).toEqual({ done: false, value: "last" });
    expect(await news.read()).toMatchObject({ done: true });
    connection.close({ closeCode: 4_000, reason: "enough" });
    expect(await film.read()).toMatchObject({ done: true });
    expect(await socket.closed).toEqual({ closeCode: 4_000, reason: "enough" });
  });

  test(
    "what leaves in one piece is within the credit too, on every lane",
    { timeout: 60_000 },
    async () => {
      const burst = fc.record({
        lane: fc.nat(2),
        sizes: fc.array(
          fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.constantFrom(8_000, 16_000)),
          { minLength: 1, maxLength: 100 },
        ),
        reads: fc.nat(120),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(burst, { maxLength: 10 }),
          fc.boolean(),
          async (bursts, packs) => {
            const small = { highWaterMark: 65_536, maxUnreadMessages: 64 };
            // What is compressed once may be sent to all.
            await using pair = await together(
              small,
              {},
              packs && { serverNoContextTakeover: true },
            );
            const { connection, socket, readable } = pair;
            const down = lanes.map((name) => {
              const hub = broadcast<string, Frame>({
                encode: (text) => frame(text, { compress: packs }),
              });
              const sent: string[] = [];
              const writable = name === "" ? connection.writable : connection.lane({ name });
              void outcome(hub.subscribe().pipeTo(writable));
              return { hub, sent, reader: new Reader(name === "" ? readable : socket.lane(name)) };
            });
            for (const { lane, sizes, reads } of bursts) {
              const { hub, reader, sent } = down[lane] as (typeof down)[number];
              for (const bytes of sizes) {
                const mark = sent.length % 11 === 0 ? "\u0010" : "";
                const text = `${mark}${sent.length} `.padEnd(bytes, "x");
                sent.push(text);
                hub.publish(text);
              }
              reader.want(reads);
              await new Promise((resolve) => void setImmediate(resolve));
            }
            for (const { reader, sent } of down) reader.want(sent.length);
            await waitFor(
              () => down.every(({ reader, sent }) => reader.read.length >= sent.length),
              {
                message: "the rest",
              },
            );
            for (const { reader, sent } of down) expect(reader.read).toEqual(sent);
            expect(connection.stats().dropped.chunks).toBe(0);
          },
        ),
        { numRuns: 60 },
      );
    },
  );
  const size = fc.oneof(fc.nat(3_000), fc.constantFrom(16_384, 70_000));
  const step = fc.oneof(
    fc.record({ lane: fc.nat(2), bytes: size }),
    fc.record({ lane: fc.nat(2), reads: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ sends: size }),
    fc.record({ takes: fc.integer({ min: 1, max: 20 }) }),
    fc.constant("turn" as const),
  );

  test(
    "whatever both ends write and read, all of it arrives, in order",
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 200, size: "max" }),
          fc.boolean(),
          async (steps, packs) => {
            const small = { highWaterMark: 65_536, maxUnreadMessages: 64 };
            await using pair = await together(small, {}, packs);
            const { connection, socket, readable, writable } = pair;
            const down = lanes.map((name) => ({
              writer: new Writer(name === "" ? connection.writable : connection.lane({ name })),
              reader: new Reader(name === "" ? readable : socket.lane(name)),
            }));
            const up = { writer: new Writer(writable), reader: new Reader(connection.readable) };
            for (const one of steps) {
              if (one === "turn") await new Promise((resolve) => void setImmediate(resolve));
              else if ("sends" in one) up.writer.write(one.sends);
              else if ("takes" in one) up.reader.want(one.takes);
              else if ("bytes" in one) down[one.lane]?.writer.write(one.bytes);
              else down[one.lane]?.reader.want(one.reads);
            }
            for (const { writer, reader } of [...down, up]) reader.want(writer.written.length);
            const isWhole = ({ writer, reader }: typeof up): boolean =>
              reader.read.length >= writer.written.length;
            await waitFor(() => [...down, up].every(isWhole), { message: "the rest" });
            for (const { writer, reader } of [...down, up]) {
              expect(reader.read).toEqual(writer.written);
            }
          },
        ),
        { numRuns: 100 },
      );
    },
  );
});
