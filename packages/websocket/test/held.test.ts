import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { waitFor } from "@spillway/testing";
import { connectPeer } from "@spillway/testing/node";
import { type Connection, frame, heldBytes, type MessageChunk } from "@spillway/websocket";
import { describe, expect, test } from "vitest";
import { outcome, serve } from "./support.ts";

const PEERS = 3;
/** Headers, fragments' too. */
const HEADERS = 20_000;

/** Connections to peers that read nothing until they thaw. */
async function connect(): Promise<{ readonly connections: Connection[]; thaw(): void }> {
  const server = await serve({ window: 65_536, maxQueuedBytes: 64 << 20 });
  const peers = await Promise.all(
    Array.from({ length: PEERS }, async () => connectPeer(server.url, { read: "never" })),
  );
  const connections = await Promise.all(peers.map(async () => server.next()));
  return {
    connections,
    thaw() {
      for (const peer of peers) peer.thaw();
    },
  };
}

function billed(connections: readonly Connection[]): number {
  let bytes = 0;
  for (const connection of connections) {
    const { queuedBytes, bufferedBytes } = connection.stats();
    bytes += queuedBytes + bufferedBytes;
  }
  return bytes;
}

describe("heldBytes()", () => {
  const size = 3_000_000;
  const shared = frame(new Uint8Array(size));
  const view = new Uint8Array(size);
  const cases: [what: string, make: () => MessageChunk, times: number][] = [
    ["a frame, however many connections send it, counts once", () => shared, 1],
    ["so does a buffer", () => view, 1],
    ["and memory of which each sends a part", () => view.subarray(0, size - 1), 1],
    ["what each has for itself counts for each", () => new Uint8Array(size), PEERS],
    ["texts do", () => "x".repeat(size), PEERS],
    ["frames made for each do", () => frame("x".repeat(size)), PEERS],
  ];
  test.each(cases)("%s", async (_what, make, times) => {
    const { connections, thaw } = await connect();
    expect(heldBytes(connections)).toBe(0);
    // The first is under way, in pieces; the second waits natively.
    const written = connections.map(async ({ writable }) => {
      const writer = writable.getWriter();
      const chunk = make();
      return Promise.all([writer.write(chunk), writer.write(chunk)]);
    });
    await waitFor(() => connections.every((one) => one.stats().stalledForMs > 20), {
      message: "the stall",
    });
    const all = billed(connections);
    expect(all).toBeGreaterThan(PEERS * (2 * size - 200_000));
    const held = heldBytes(connections);
    const isText = typeof make() === "string";
    // A string is sent as bytes of its own, and counts beside them each time that it is written.
    const least = isText ? 2 * size * times - 400_000 : (size - 1) * times;
    expect(held).toBeGreaterThanOrEqual(least);
    expect(held).toBeLessThanOrEqual((isText ? 2 : 1) * size * times + PEERS * 100_000 + HEADERS);
    thaw();
    await Promise.all(written);
    await waitFor(() => heldBytes(connections) === 0, { message: "that nothing is held" });
  });

  test("what the kernel does not take counts until it does, and what nobody reads", async () => {
    const server = await serve({ window: false });
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const writing = outcome(
      (async () => {
        const writer = connection.writable.getWriter();
        for (;;) await writer.write(new Uint8Array(8_000));
      })(),
    );
    await waitFor(() => connection.stats().stalledForMs > 100, { message: "the stall" });
    const { queuedBytes, bufferedBytes } = connection.stats();
    expect(heldBytes([connection])).toBe(bufferedBytes + queuedBytes - (queuedBytes && 4));
    await peer.send("unread");
    await waitFor(() => connection.stats().receiveQueuedBytes > 0, { message: "a message" });
    expect(heldBytes([connection])).toBeGreaterThan(bufferedBytes + queuedBytes);
    connection.terminate();
    expect(await writing).toBe("SPW_ERR_ABORTED");
    await connection.closed;
    await waitFor(() => heldBytes([connection]) <= 6, { message: "that nothing is held" });
  });
});

test("a connection that has ended holds nothing of what was written to it", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const server = await serve({ window: 65_536 });
  await connectPeer(server.url, { read: "never" });
  const connection = await server.next();
  const writer = connection.writable.getWriter();
  const chunks: WeakRef<Uint8Array>[] = [];
  for (let count = 0; count < 8; count++) {
    const chunk = new Uint8Array(100_000);
    chunks.push(new WeakRef(chunk));
    void writer.write(chunk);
  }
  await waitFor(() => connection.stats().stalledForMs > 20, { message: "the stall" });
  connection.terminate();
  await connection.closed;
  await waitFor(
    () => {
      collect();
      const left = chunks.filter((chunk) => chunk.deref() !== undefined).length;
      // One may still lie on the stack of this test.
      return left <= 1;
    },
    { message: "that nothing is held" },
  );
  expect(connection.state).toBe("dead");
});
