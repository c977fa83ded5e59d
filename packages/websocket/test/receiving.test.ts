import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { deflateRawSync } from "node:zlib";
import { isSettled, waitFor } from "@spillway/testing";
import { connectPeer, rawPeer } from "@spillway/testing/node";
import type { Connection, ConnectionOptions } from "@spillway/websocket";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { outcome, serve } from "./support.ts";
import { bystander, closeCodeOf, framesOf } from "./trouble.ts";
import { watch } from "./watch.ts";

const HIGH_WATER_MARK = 65_536;
/** One read of the socket, which a pause lets through. */
const OVERSHOOT = 65_536;

const OPTIONS: ConnectionOptions = { heartbeat: false };

const paused = (connection: Connection): Promise<void> =>
  waitFor(() => connection.state === "paused", { message: "the pause" });

/** Binary messages of `size` bytes whose first four are their number. */
function numbered(index: number, size: number): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(Math.max(4, size));
  new DataView(message.buffer).setUint32(0, index);
  return message;
}

const numberOf = (message: unknown): number => {
  const { buffer, byteOffset } = message as Uint8Array;
  return new DataView(buffer, byteOffset).getUint32(0);
};

describe("pausing", () => {
  test.each([4, 1_000, 30_000, 100_000])(
    "holds messages of %i bytes to the mark and one read, round after round",
    async (size) => {
      const server = await serve(OPTIONS);
      const beside = await bystander(server);
      const peer = await connectPeer(server.url);
      const connection = await server.next();
      const seen = watch(connection);
      const reader = connection.readable.getReader();
      const total = Math.max(60, Math.min(40_000, Math.ceil((4 << 20) / size)));
      const sending = (async () => {
        for (let index = 0; index < total; index++) void peer.send(numbered(index, size));
        await peer.send(numbered(total, size));
      })();
      let expected = 0;
      /** Reads one; an order that is broken once stays so. */
      const readOne = async (): Promise<void> => {
        const { value } = await reader.read();
        if (numberOf(value) === expected) expected++;
      };
      for (let round = 0; round < 3; round++) {
        await paused(connection);
        await beside.unharmed();
        seen.look();
        const { receiveQueuedBytes } = connection.stats();
        expect(receiveQueuedBytes).toBeGreaterThanOrEqual(HIGH_WATER_MARK);
        // Down to half the mark it stays paused; there it goes on.
        let left = receiveQueuedBytes;
        let early = 0;
        while (left > HIGH_WATER_MARK / 2) {
          if (connection.state !== "paused") early++;
          await readOne();
          left = connection.stats().receiveQueuedBytes;
        }
        expect(early).toBe(0);
        expect(connection.state).not.toBe("paused");
      }
      for (let index = expected; index <= total; index++) await readOne();
      await sending;
      expect(expected).toBe(total + 1);
      expect(seen.receiveQueuedBytes).toBeLessThanOrEqual(HIGH_WATER_MARK + OVERSHOOT + size + 10);
      expect(connection.stats()).toMatchObject({
        receiveQueuedBytes: 0,
        receivedMessages: total + 1,
      });
      await beside.unharmed();
    },
    60_000,
  );

  test("a message too few for the mark does not pause, the one that reaches it does", async () => {
    const server = await serve({ ...OPTIONS, highWaterMark: 1_000 });
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const { readable } = connection;
    // With their headers they make 4 × 249 + 3.
    for (const size of [245, 245, 245, 245, 1]) await peer.send(new Uint8Array(size));
    await waitFor(() => connection.stats().receivedMessages === 5, { message: "5 messages" });
    expect(connection.stats().receiveQueuedBytes).toBe(999);
    expect(connection.state).toBe("healthy");
    await peer.send("");
    await paused(connection);
    expect(connection.stats().receiveQueuedBytes).toBe(1_001);
    const reader = readable.getReader();
    await reader.read();
    await reader.read();
    expect(connection.stats().receiveQueuedBytes).toBe(503);
    expect(connection.state).toBe("paused");
    await reader.read();
    expect(connection.stats().receiveQueuedBytes).toBe(254);
    expect(connection.state).toBe("healthy");
  });

  test("the peer's Close waits behind what nobody has read, and nothing is lost", async () => {
    const server = await serve(OPTIONS);
    const beside = await bystander(server);
    const peer = await connectPeer(server.url, { closeTimeoutMs: 20_000 });
    const connection = await server.next();
    const { readable, closed } = connection;
    for (let index = 0; index < 300; index++) void peer.send(numbered(index, 1_000));
    peer.close(4002, "done");
    await paused(connection);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(await isSettled(closed)).toBe(false);
    let expected = 0;
    for await (const message of readable) expect(numberOf(message)).toBe(expected++);
    expect(expected).toBe(300);
    expect(await closed).toEqual({ closeCode: 4002, reason: "done", wasClean: true });
    await beside.unharmed();
  });

  test("a reset is noticed by the next probe, and what waited is dropped and counted", async () => {
    const server = await serve({ heartbeat: { everyMs: 100, deadlineMs: 5_000 } });
    const beside = await bystander(server);
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const { readable } = connection;
    for (let index = 0; index < 80; index++) void peer.send(numbered(index, 1_000));
    await paused(connection);
    await waitFor(() => connection.stats().receivedMessages === 80, { message: "all messages" });
    peer.reset();
    expect(await connection.closed).toMatchObject({ closeCode: 1006, wasClean: false });
    expect(await outcome(readable.getReader().read())).toBe("SPW_ERR_RESET");
    expect(connection.stats().dropped.reasons["closed"]).toEqual({ chunks: 80, size: 80_320 });
    expect(connection.stats().receiveQueuedBytes).toBe(0);
    await beside.unharmed();
  });

  test.each(["terminate()", "close()", "readable.cancel()"])("%s frees it", async (end) => {
    const server = await serve(OPTIONS);
    const beside = await bystander(server);
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const { readable } = connection;
    for (let index = 0; index < 500; index++) {
      void peer.send(numbered(index, 1_000)).catch(() => {});
    }
    await paused(connection);
    if (end === "terminate()") connection.terminate();
    else if (end === "close()") connection.close();
    else await readable.cancel();
    if (end === "readable.cancel()") {
      await waitFor(() => connection.stats().receivedMessages === 500, { message: "the rest" });
      expect(connection.stats().dropped.chunks).toBe(500);
      connection.close();
    }
    const { wasClean } = await connection.closed;
    expect(wasClean).toBe(end !== "terminate()");
    expect(connection.state).toBe("dead");
    await beside.unharmed();
  });
});

describe("what is kept", () => {
  test.each([1, 250, 5_000, 30_000, 70_000, 300_000])(
    "of messages of %i bytes is their own memory, at most twice as much",
    async (size) => {
      const server = await serve({ ...OPTIONS, highWaterMark: 4 << 20 });
      const peer = await connectPeer(server.url);
      const connection = await server.next();
      for (let index = 0; index < 20; index++) void peer.send(new Uint8Array(size).fill(index));
      const reader = connection.readable.getReader();
      const buffers = new Set<ArrayBuffer>();
      for (let index = 0; index < 20; index++) {
        const { value } = await reader.read();
        const message = value as Uint8Array<ArrayBuffer>;
        expect([message.byteLength, message[0], message.at(-1)]).toEqual([size, index, index]);
        expect(message.buffer.byteLength).toBeLessThanOrEqual(2 * size);
        buffers.add(message.buffer);
      }
      // No two share one, so that one may be transferred.
      expect(buffers.size).toBe(20);
    },
  );
});

/** A client that compresses, and cuts its messages where it is told to. */
async function compressing(options: ConnectionOptions = OPTIONS, maxPayload?: number) {
  const server = await serve(options, maxPayload, { perMessageDeflate: true });
  const client = new WebSocket(server.url, { perMessageDeflate: { threshold: 0 } });
  client.on("error", () => {});
  onTestFinished(() => client.terminate());
  const connection = await server.next();
  if (client.readyState !== WebSocket.OPEN) await once(client, "open");
  expect(client.extensions).toContain("permessage-deflate");
  return { client, connection };
}

describe("permessage-deflate", () => {
  test("text and binary, whole and in fragments, arrive as they were sent", async () => {
    const { client, connection } = await compressing();
    const text = "grüße ".repeat(2_000);
    const bytes = Buffer.from(text);
    client.send(text);
    client.send(bytes);
    for (const binary of [false, true]) {
      // A fragment ends within a character.
      for (let at = 0; at < bytes.byteLength; at += 1_001) {
        const fin = at + 1_001 >= bytes.byteLength;
        client.send(bytes.subarray(at, at + 1_001), { binary, fin, compress: true });
      }
    }
    client.send("", { compress: true });
    client.send("plain", { compress: false });
    const reader = connection.readable.getReader();
    for (const binary of [false, true, false, true]) {
      const { value } = await reader.read();
      expect(typeof value === "string").toBe(!binary);
      if (typeof value === "string") expect(value === text).toBe(true);
      else expect(Buffer.compare(value as Uint8Array, bytes)).toBe(0);
    }
    expect((await reader.read()).value).toBe("");
    expect((await reader.read()).value).toBe("plain");
    expect(connection.stats().receivedBytes).toBe(4 * (bytes.byteLength + 4) + 2 + 7);
  });

  test("an echo of it is whole and in order under backpressure", async () => {
    const { client, connection } = await compressing({ ...OPTIONS, window: 65_536 });
    const seen = watch(connection);
    const echoing = outcome(connection.readable.pipeTo(connection.writable));
    let received = 0;
    client.on("message", (data: Buffer) => {
      if (numberOf(data) === received) received++;
    });
    for (let index = 0; index < 300; index++) {
      const message = numbered(index, 20_000);
      crypto.getRandomValues(message.subarray(4));
      client.send(message);
    }
    await waitFor(() => received === 300, { timeoutMs: 20_000, message: "every echo" });
    expect(seen.bufferedBytes).toBeLessThanOrEqual(65_536 + 65_536 + 20_004);
    expect(seen.receiveQueuedBytes).toBeLessThanOrEqual(HIGH_WATER_MARK + OVERSHOOT + 20_004);
    client.close(1000);
    expect(await echoing).toBe("SPW_ERR_CLOSED");
  }, 30_000);

  test("what is kept of small messages is their own memory", async () => {
    const { client, connection } = await compressing();
    for (let index = 0; index < 50; index++) client.send(new Uint8Array(300).fill(index));
    const reader = connection.readable.getReader();
    for (let index = 0; index < 50; index++) {
      const { value } = await reader.read();
      expect((value as Uint8Array)[0]).toBe(index);
      expect((value as Uint8Array).buffer.byteLength).toBeLessThanOrEqual(600);
    }
  });

  test("what was read may inflate a thousandfold, and no more is read while that waits", async () => {
    const server = await serve(OPTIONS, 1 << 20, { perMessageDeflate: true });
    const beside = await bystander(server);
    const headers = { "Sec-WebSocket-Extensions": "permessage-deflate" };
    const peer = await rawPeer(server.url, { headers });
    const connection = await server.next();
    const reader = connection.readable.getReader();
    const payload = deflated(Buffer.alloc(1 << 20));
    const total = 120;
    for (let count = 0; count < total; count++) {
      void peer.sendFrame({ opcode: 2, rsv: 0b100, payload }).catch(() => {});
    }
    await paused(connection);
    let [received, looks] = [0, 0];
    await waitFor(() => {
      const { receivedMessages } = connection.stats();
      looks = receivedMessages === received ? looks + 1 : 0;
      received = receivedMessages;
      return looks === 100;
    });
    expect(received).toBeGreaterThan(0);
    // It inflates while `ws` takes what is left of 16 KiB, and another read behind that.
    expect(received).toBeLessThanOrEqual((OVERSHOOT + 16_384) / payload.byteLength + 1);
    expect(connection.stats().receiveQueuedBytes).toBe(received * ((1 << 20) + 10));
    for (let count = 0; count < total; count++) await reader.read();
    expect(connection.stats().receiveQueuedBytes).toBe(0);
    await beside.unharmed();
  }, 20_000);

  test("a message that is too large once inflated ends with 1009", async () => {
    const { client, connection } = await compressing(OPTIONS, 100_000);
    const reading = outcome(connection.readable.getReader().read());
    const goodbye = once(client, "close");
    client.send(new Uint8Array(10 << 20));
    expect(await reading).toBe("SPW_ERR_MESSAGE_TOO_BIG");
    expect((await goodbye)[0]).toBe(1009);
    expect(await connection.closed).toMatchObject({ closeCode: 1009 });
  });

  test.each([
    ["what cannot be inflated", [{ rsv: 0b100, payload: "\u0007 no deflate" }], 1007],
    [
      "a compressed continuation",
      [
        { rsv: 0b100, payload: deflateRawSync("x"), fin: false },
        { opcode: 0, rsv: 0b100 },
      ],
      1002,
    ],
    ["a compressed ping", [{ opcode: 9, rsv: 0b100 }], 1002],
    [
      "text that is no UTF-8 once inflated",
      [{ rsv: 0b100, payload: deflated(Uint8Array.of(0xff)) }],
      1007,
    ],
  ])("%s is a breach of protocol", async (_what, frames, closeCode) => {
    const server = await serve(OPTIONS, undefined, { perMessageDeflate: true });
    const beside = await bystander(server);
    const headers = { "Sec-WebSocket-Extensions": "permessage-deflate" };
    const peer = await rawPeer(server.url, { headers });
    expect(peer.headers["sec-websocket-extensions"]).toBe("permessage-deflate");
    const seen = framesOf(peer);
    const connection = await server.next();
    const reading = outcome(connection.readable.getReader().read());
    for (const frame of frames) await peer.sendFrame({ opcode: 1, ...frame });
    expect(await reading).toBe("SPW_ERR_PROTOCOL");
    expect(await connection.closed).toMatchObject({ closeCode, wasClean: false });
    await peer.closed;
    expect(closeCodeOf(seen())).toBe(closeCode);
    await beside.unharmed();
  });
});

/** A payload as permessage-deflate wants it: without the empty block at its end. */
function deflated(bytes: Uint8Array): Uint8Array {
  return deflateRawSync(bytes, { finishFlush: 2 }).subarray(0, -4);
}
