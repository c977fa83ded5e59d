import { randomBytes } from "node:crypto";
import { fromIterable } from "@spillway/streams";
import { waitFor } from "@spillway/testing";
import { connectPeer, type Peer } from "@spillway/testing/node";
import type { Connection, ConnectionOptions } from "@spillway/websocket";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { outcome, serve } from "./support.ts";
import { type Watch, watch } from "./watch.ts";

const MARK = 65_536;
/** One read of the socket, which a pause lets through, and one batch, which goes beyond the mark. */
const BEYOND = 65_536;
const WINDOWS = ["auto", 65_536, false] as const;

/** Of which many fit into a window, so that it is shut while `readable` is full. */
const SIZES = [0, 4_000, 10_000, 16_384, 12_000];
const LARGEST = 200_000;
const POOL = randomBytes(1 << 20);

/** Small ones, and now and then a large one; no two in a row are the same. */
function messageOf(index: number): Buffer {
  const size = index % 500 === 499 ? LARGEST : (SIZES[index % SIZES.length] as number);
  const from = (index * 7_919) % (POOL.byteLength - size);
  return POOL.subarray(from, from + size);
}

// What takes no answer for an answer after a while must not be what keeps things going.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Talk {
  readonly messages: number;
  readonly bytes: number;
}

/** Sends `total` bytes of messages, and always has some waiting at its socket. */
async function talk(peer: Peer, total: number): Promise<Talk> {
  let [messages, bytes] = [0, 0];
  const waiting: Promise<void>[] = [];
  while (bytes < total) {
    const message = messageOf(messages++);
    bytes += message.byteLength;
    const sending = peer.send(message);
    sending.catch(() => {});
    waiting.push(sending);
    if (waiting.length >= 3_000) await waiting.shift();
  }
  await Promise.all(waiting);
  return { messages, bytes };
}

/** Talks until the test is over. */
function talkOn(peer: Peer): void {
  void talk(peer, Infinity).catch(() => {});
}

function expectBounds(seen: Watch): void {
  expect(seen.looks).toBeGreaterThan(0);
  expect(seen.bufferedBytes).toBeLessThanOrEqual(MARK + BEYOND + LARGEST + 10);
  expect(seen.queuedBytes).toBeLessThanOrEqual(MARK + LARGEST + 10);
  expect(seen.receiveQueuedBytes).toBeLessThanOrEqual(MARK + BEYOND + LARGEST + 10);
}

/** Reads for a moment, then not for another. */
function readInBursts(peer: Peer): void {
  let isReading = true;
  const timer = setInterval(() => {
    if (isReading) peer.freeze();
    else peer.thaw();
    isReading = !isReading;
  }, 40);
  onTestFinished(() => clearInterval(timer));
}

describe("readable.pipeTo(writable) with a client that sends flat out", () => {
  const fast = () => {};
  const slowly = (bytesPerSecond: number) => (peer: Peer) => peer.setRate({ bytesPerSecond });
  const cases = WINDOWS.flatMap((window) => {
    const isAuto = window === "auto";
    return [
      { window, pace: "as fast as it can", total: 100_000_000, read: fast },
      isAuto
        ? { window, pace: "slowly", total: 100_000_000, read: slowly(20_000_000) }
        : { window, pace: "slowly", total: 12_000_000, read: slowly(8_000_000) },
      { window, pace: "in bursts", total: isAuto ? 100_000_000 : 40_000_000, read: readInBursts },
    ];
  });

  test.each(cases)(
    "and reads $pace: all $total bytes come back in order and unchanged (window $window)",
    { timeout: 60_000 },
    async ({ total, read, window }) => {
      const server = await serve({ window });
      const peer = await connectPeer(server.url);
      const connection = await server.next();
      const seen = watch(connection);
      let echoed = 0;
      let wrong: number | undefined;
      peer.onMessage((message) => {
        const isSame = Buffer.compare(message as Uint8Array, messageOf(echoed)) === 0;
        if (!isSame) wrong ??= echoed;
        echoed++;
      });
      const echoing = outcome(connection.readable.pipeTo(connection.writable));
      read(peer);
      const { messages, bytes } = await talk(peer, total);
      await waitFor(() => peer.received.messages >= messages, {
        timeoutMs: 30_000,
        message: "every echo",
      });
      expect(wrong).toBeUndefined();
      expect(peer.received).toEqual({ messages, bytes });
      expect(connection.stats().dropped.chunks).toBe(0);
      expectBounds(seen);
      peer.thaw();
      peer.close(1000);
      expect(await echoing).toBe("SPW_ERR_CLOSED");
    },
  );
});

describe("a client that talks all the time to a handler that only sends", () => {
  function* pictures(): Generator<Uint8Array> {
    for (;;) yield new Uint8Array(16_667);
  }

  async function meet(options: ConnectionOptions) {
    const server = await serve({ heartbeat: false, ...options });
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const seen = watch(connection);
    fromIterable(pictures())
      .pipeTo(connection.writable)
      .catch(() => {});
    talkOn(peer);
    return { connection, peer, seen };
  }

  /** Its answers wait behind what it says itself: a fixed window is slow. */
  const enough = (window: unknown): number => (window === 65_536 ? 1_000_000 : 20_000_000);

  const gets = (peer: Peer, bytes: number): Promise<void> => {
    const until = peer.received.bytes + bytes;
    return waitFor(() => peer.received.bytes >= until, {
      timeoutMs: 20_000,
      message: `${bytes} bytes to be received`,
    });
  };

  const takes = (connection: Connection, bytes: number): Promise<void> => {
    const until = connection.stats().receivedBytes + bytes;
    return waitFor(() => connection.stats().receivedBytes >= until, {
      timeoutMs: 20_000,
      message: `${bytes} bytes to be taken`,
    });
  };

  test.each(WINDOWS)(
    "is heard to no end where messages are discarded (window %s)",
    async (window) => {
      const { connection, peer, seen } = await meet({ receive: "discard", window });
      await Promise.all([gets(peer, enough(window)), takes(connection, 20_000_000)]);
      const { acknowledgedBy, receiveQueuedBytes } = connection.stats();
      expect(acknowledgedBy).toBe(window === false ? undefined : "ping");
      expect(receiveQueuedBytes).toBe(0);
      expectBounds(seen);
    },
    60_000,
  );

  test.each(WINDOWS)(
    "is held for ten seconds, then heard to no end, and gets everything (window %s)",
    async (window) => {
      const { connection, peer, seen } = await meet({ window });
      await waitFor(() => connection.state === "paused", { message: "the pause" });
      const { receivedBytes } = connection.stats();
      await gets(peer, 20_000_000);
      expect(connection.stats()).toMatchObject({ receivedBytes, state: "paused" });
      if (window !== false) expect(connection.stats().acknowledgedBy).toBe("kernel");

      vi.advanceTimersByTime(10_000);
      await Promise.all([gets(peer, enough(window)), takes(connection, 20_000_000)]);
      // Its first answer comes behind all that it had to say meanwhile.
      const answerer = window === false ? undefined : "ping";
      await waitFor(() => connection.stats().acknowledgedBy === answerer, {
        timeoutMs: 20_000,
        message: "an answer",
      });
      const { receiveQueuedBytes, dropped } = connection.stats();
      expect(receiveQueuedBytes).toBe(0);
      expect(dropped.reasons["unread"]?.chunks).toBeGreaterThan(0);
      expectBounds(seen);
    },
    60_000,
  );
});
