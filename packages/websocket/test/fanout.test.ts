import { createHash } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { broadcast } from "@spillway/streams";
import { waitFor } from "@spillway/testing";
import {
  accept,
  type Connection,
  type ConnectionOptions,
  type Frame,
  frame,
} from "@spillway/websocket";
import { expect, onTestFinished, test } from "vitest";
import { type ClientOptions, WebSocket, WebSocketServer } from "ws";

type Message = string | Buffer;

interface Viewer {
  readonly connection: Connection;
  readonly received: Message[];
}

/** One viewer for each of `clients`, all on one server that agrees to compress. */
async function connect(
  clients: readonly ClientOptions[],
  options: ConnectionOptions = {},
): Promise<Viewer[]> {
  const wss = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: true });
  onTestFinished(() => {
    for (const socket of wss.clients) socket.terminate();
    wss.close();
  });
  await once(wss, "listening");
  const url = `ws://127.0.0.1:${(wss.address() as AddressInfo).port}`;
  const viewers: Viewer[] = [];
  for (const client of clients) {
    const accepted = new Promise<Connection>((resolve) => {
      wss.once("connection", (socket, request) => resolve(accept(socket, request, options)));
    });
    const socket = new WebSocket(url, client);
    const received: Message[] = [];
    socket.on("message", (data: Buffer, isBinary) =>
      received.push(isBinary ? data : data.toString()),
    );
    viewers.push({ connection: await accepted, received });
  }
  return viewers;
}

const CLIENTS: readonly ClientOptions[] = [
  { perMessageDeflate: false },
  { perMessageDeflate: true },
  { perMessageDeflate: { serverMaxWindowBits: 10 } },
  { perMessageDeflate: false },
];

/** Of every size that leaves in another way, text and binary. */
function messages(): Message[] {
  const made: Message[] = [];
  for (let index = 0; index < 300; index++) {
    const length = [0, 1, 125, 126, 900, 1_100, 5_000, 16_384, 20_000, 90_000][
      index % 10
    ] as number;
    const text = `${index} `.repeat(length).slice(0, length);
    made.push(index % 3 === 0 ? text : Buffer.from(text));
  }
  return made;
}

function digest(all: readonly Message[]): string {
  const hash = createHash("sha256");
  for (const message of all) hash.update(`${typeof message} ${message.length}:`).update(message);
  return hash.digest("hex");
}

test("what is published in bursts comes to all, in order and whole", async () => {
  const viewers = await connect(CLIENTS);
  const hub = broadcast<Message, Frame>({ capacity: { chunks: 512 }, encode: (m) => frame(m) });
  const pipes = viewers.map(({ connection }) => hub.subscribe().pipeTo(connection.writable));
  const all = messages();
  let published = 0;
  for (let burst = 1; published < all.length; burst = (burst * 5) % 47) {
    for (const message of all.slice(published, published + burst)) hub.publish(message);
    published += burst;
    await new Promise((resolve) => setImmediate(resolve));
  }
  hub.close();
  await Promise.all(pipes);
  for (const { connection, received } of viewers) {
    await waitFor(() => received.length >= all.length, { timeoutMs: 20_000 });
    expect(digest(received)).toBe(digest(all));
    expect(connection.stats()).toMatchObject({ sentMessages: all.length, dropped: { chunks: 0 } });
  }
});

test("a burst leaves no more with the socket than twice its mark, and the rest is dropped by the policy", async () => {
  const options: ConnectionOptions = { highWaterMark: 16_384, window: 32_768 };
  const [viewer] = (await connect(CLIENTS.slice(0, 1), options)) as [Viewer];
  const { connection, received } = viewer;
  const hub = broadcast<Buffer, Frame>({ capacity: { chunks: 64 }, encode: (b) => frame(b) });
  const readable = hub.subscribe();
  readable.pipeTo(connection.writable).catch(() => {});
  const count = 5_000;
  let most = 0;
  for (let index = 0; index < count; index++) {
    const payload = Buffer.alloc(300, index);
    payload.writeUInt32BE(index);
    hub.publish(payload);
    if (index % 100 !== 99) continue;
    // Before the turn is over, and the kernel has it.
    for (let tick = 0; tick < 4; tick++) await Promise.resolve();
    const { bufferedBytes, inFlightBytes } = connection.stats();
    most = Math.max(most, bufferedBytes);
    expect(inFlightBytes).toBeLessThan(32_768 + 304);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(most).toBeGreaterThan(16_384 / 2);
  expect(most).toBeLessThanOrEqual(2 * 16_384);
  await waitFor(() => received.at(-1)?.slice(0, 4).toString("hex") === hexOf(count - 1), {
    timeoutMs: 20_000,
  });
  const order = received.map((message) => (message as Buffer).readUInt32BE());
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  const { offered, delivered, dropped } = hub.statsOf(readable) as NonNullable<
    ReturnType<typeof hub.statsOf>
  >;
  expect({ offered, delivered }).toEqual({ offered: count, delivered: received.length });
  expect(dropped.chunks).toBe(count - received.length);
  expect(connection.stats().sentMessages).toBe(received.length);
});

function hexOf(index: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(index);
  return bytes.toString("hex");
}
