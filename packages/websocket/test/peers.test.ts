import { fromIterable } from "@spillway/streams";
import { waitFor } from "@spillway/testing";
import type { Connection, ConnectionOptions } from "@spillway/websocket";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type Answer, type PingPeer, pingPeer } from "./ping-peer.ts";
import { outcome, serve } from "./support.ts";
import { watch } from "./watch.ts";

const CAP = 8_388_608;
const PICTURE_BYTES = 16_667;
const SAFE_BYTES = 262_144;
/** What the account may hold of pictures in this process. */
const HELD_BYTES = 65_536 + 65_536 + PICTURE_BYTES;

function* pictures(): Generator<Uint8Array> {
  for (;;) yield new Uint8Array(PICTURE_BYTES);
}

/** A server that always has more to send, to a peer that answers as told. */
async function meet(answer: Answer, options: ConnectionOptions = {}) {
  const server = await serve({ heartbeat: false, ...options });
  const peer = await pingPeer(server.url, answer);
  const connection = await server.next();
  const seen = watch(connection);
  const sending = outcome(fromIterable(pictures()).pipeTo(connection.writable));
  return { connection, peer, seen, sending };
}

/** The peer reads so many bytes from now on, and what is on the way stays within the cap meanwhile. */
async function reads(connection: Connection, peer: PingPeer, bytes: number): Promise<void> {
  const until = peer.raw.bytesRead + bytes;
  let widest = 0;
  await waitFor(
    () => {
      widest = Math.max(widest, connection.stats().windowBytes ?? 0);
      return peer.raw.bytesRead >= until;
    },
    { timeoutMs: 20_000, message: `${bytes} bytes to be read` },
  );
  expect(widest).toBeGreaterThan(0);
  expect(widest).toBeLessThanOrEqual(CAP);
}

/** The number does not change for a while. */
async function stands(read: () => number): Promise<void> {
  let [last, looks] = [NaN, 0];
  await waitFor(
    () => {
      const value = read();
      looks = value === last ? looks + 1 : 0;
      last = value;
      return looks === 30;
    },
    { message: "a standstill" },
  );
}

/** No further byte is read for a while. */
const stops = (peer: PingPeer): Promise<void> => stands(() => peer.raw.bytesRead);

const offsetOf = (ping: Buffer): number => ping.readDoubleBE(4);

/** The same, asked for another offset. */
function withOffset(ping: Buffer, offset: number): Buffer {
  const changed = Buffer.from(ping);
  changed.writeDoubleBE(offset, 4);
  return changed;
}

function withNonce(ping: Buffer): Buffer {
  const changed = Buffer.from(ping);
  changed.writeUInt32BE((ping.readUInt32BE(0) ^ 1) >>> 0, 0);
  return changed;
}

function useClock(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
}

/** Milliseconds on a busy machine; all of them together take seven seconds on an idle one. */
const LONG = { timeout: 60_000 };

afterEach(() => {
  vi.useRealTimers();
});

describe("a peer that reads and answers", () => {
  const wrong = (ping: Buffer): Buffer[] => [
    Buffer.alloc(0),
    Buffer.alloc(12),
    ping.subarray(0, 11),
    Buffer.concat([ping, Buffer.alloc(1)]),
    withNonce(ping),
    ...[NaN, Infinity, -Infinity, -1, 1e300, offsetOf(ping) + 0.5, offsetOf(ping) + 1e9].map(
      (offset) => withOffset(ping, offset),
    ),
  ];

  test.each<[string, Answer]>([
    ["nothing", () => {}],
    ["what nobody asked for", (ping, { pong }) => wrong(ping).forEach(pong)],
  ])(
    "%s, gets everything at the pace of the kernel after two seconds",
    LONG,
    async (_what, answer) => {
      useClock();
      const { connection, peer, seen } = await meet(answer);
      await stops(peer);
      expect(connection.stats()).toMatchObject({ acknowledgedBy: "ping", rttMs: undefined });
      expect(peer.pings.length).toBeGreaterThan(0);
      vi.advanceTimersByTime(2_000);
      await reads(connection, peer, 20_000_000);
      expect(connection.stats()).toMatchObject({
        acknowledgedBy: "kernel",
        windowBytes: SAFE_BYTES,
        rttMs: undefined,
      });
      expect(["healthy", "congested"]).toContain(connection.state);
      expect(seen.bufferedBytes).toBeLessThanOrEqual(HELD_BYTES);
      expect(peer.pings.length).toBeLessThanOrEqual(32);
    },
  );

  test.each<[string, Answer]>([
    ["every ping", (ping, { pong }) => pong(ping)],
    [
      "every ping, among much that is wrong",
      (ping, { pong }) => [...wrong(ping), ping, ...wrong(ping)].forEach(pong),
    ],
    [
      "old pings again and again",
      (ping, { pings, pong }) => [...pings.slice(0, 4), ping, ...pings.slice(-4)].forEach(pong),
    ],
    [
      "a hundred times what it was asked once",
      (ping, { pong }) => Array.from({ length: 100 }, () => ping).forEach(pong),
    ],
    [
      "what it will be asked next, as far as it can guess",
      (ping, { pings, pong }) => {
        const step = offsetOf(ping) - offsetOf(pings.at(-2) ?? ping);
        [0, 1, 2, 3].forEach((ahead) => pong(withOffset(ping, offsetOf(ping) + ahead * step)));
      },
    ],
    [
      "every other ping",
      (ping, { pings, pong }) => {
        if (pings.length % 2 === 0) pong(ping);
      },
    ],
  ])("%s, is not held up, and widens nothing beyond the cap", LONG, async (_what, answer) => {
    const { connection, peer, seen } = await meet(answer);
    await reads(connection, peer, 20_000_000);
    const { acknowledgedBy, inFlightBytes, rttMs } = connection.stats();
    expect(acknowledgedBy).toBe("ping");
    expect(rttMs).toBeGreaterThanOrEqual(0);
    expect(inFlightBytes).toBeLessThanOrEqual(CAP + PICTURE_BYTES);
    expect(["healthy", "congested"]).toContain(connection.state);
    expect(seen.bufferedBytes).toBeLessThanOrEqual(HELD_BYTES);
  });

  test("late, is believed from its first answer on", LONG, async () => {
    useClock();
    let isAwake = false;
    const { connection, peer } = await meet((_ping, { pings, pong }) => {
      if (isAwake) for (const late of pings.splice(0)) pong(late);
    });
    await stops(peer);
    vi.advanceTimersByTime(2_000);
    await reads(connection, peer, 1_000_000);
    expect(connection.stats().acknowledgedBy).toBe("kernel");
    isAwake = true;
    for (const late of peer.pings.splice(0)) peer.pong(late);
    await waitFor(() => connection.stats().acknowledgedBy === "ping", { message: "its answer" });
    await reads(connection, peer, 20_000_000);
    expect(connection.stats().acknowledgedBy).toBe("ping");
  });

  test(
    "for another process, which reads nothing: it is frozen once that one is full",
    LONG,
    async () => {
      const most = 4_000_000;
      const { connection, peer, seen } = await meet((ping, { pong, raw }) => {
        pong(ping);
        if (raw.bytesRead > most) raw.pause();
      });
      await reads(connection, peer, most);
      await waitFor(() => connection.state === "frozen", { message: "the verdict" });
      const { acknowledgedBy, inFlightBytes = 0 } = connection.stats();
      expect(acknowledgedBy).toBe("ping");
      expect(inFlightBytes).toBeGreaterThan(0);
      expect(inFlightBytes).toBeLessThanOrEqual(CAP + PICTURE_BYTES);
      expect(seen.bufferedBytes).toBeLessThanOrEqual(HELD_BYTES);
      peer.raw.resume();
    },
  );
});

describe("a peer that has answered, and answers no more", () => {
  const once: Answer = (ping, { pings, pong }) => {
    if (pings.length === 1) pong(ping);
  };

  test.each(["auto", 65_536] as const)(
    "gets little at first, and everything once it has been seen to read (window %s)",
    LONG,
    async (window) => {
      useClock();
      const { connection, peer, seen } = await meet(once, { window });
      await stops(peer);
      const { windowBytes } = connection.stats();
      await waitFor(() => connection.state === "frozen", { message: "the verdict" });
      let rounds = 0;
      while (rounds < 20) {
        const before = peer.raw.bytesRead;
        vi.advanceTimersByTime(10_000);
        rounds++;
        if (connection.stats().acknowledgedBy === "kernel") break;
        await waitFor(() => peer.raw.bytesRead > before, { message: "some more" });
        await stops(peer);
        expect(connection.stats().inFlightBytes).toBeLessThan(4 * CAP + 65_536 * (rounds + 2));
      }
      expect(rounds).toBeLessThan(20);
      await reads(connection, peer, 50_000_000);
      expect(connection.stats()).toMatchObject({
        acknowledgedBy: "kernel",
        windowBytes: window === "auto" ? SAFE_BYTES : windowBytes,
      });
      expect(["healthy", "congested"]).toContain(connection.state);
      expect(seen.bufferedBytes).toBeLessThanOrEqual(HELD_BYTES);

      peer.pong(peer.pings.at(-1) as Buffer);
      await waitFor(() => connection.stats().acknowledgedBy === "ping", { message: "the answer" });
    },
  );

  test(
    "nor reads, is frozen, and gets no more than kernels hold, however long that lasts",
    LONG,
    async () => {
      useClock();
      let isAwake = false;
      const { connection, peer, seen } = await meet((ping, { pings, pong, raw }) => {
        if (isAwake || pings.length === 1) pong(ping);
        if (!isAwake) raw.pause();
      });
      const sent = (): number => connection.stats().sentBytes;
      await stands(sent);
      await waitFor(() => connection.state === "frozen", { message: "the verdict" });
      const frozenAt = performance.now();
      const before = sent();
      const given: number[] = [];
      for (let round = 0; round < 30; round++) {
        vi.advanceTimersByTime(10_000);
        await stands(sent);
        given.push(sent() - before);
        expect(connection.stats()).toMatchObject({ acknowledgedBy: "ping", state: "frozen" });
      }
      const [minute = NaN] = given.slice(5);
      expect(minute).toBeGreaterThan(0);
      expect(minute).toBeLessThan(64 * 16_384 + 6 * PICTURE_BYTES);
      expect(given.at(-1)).toBeLessThan(4 * CAP);
      // Nothing that it was given counts as progress.
      expect(connection.stats().stalledForMs).toBeGreaterThan(performance.now() - frozenAt);
      expect(seen.bufferedBytes).toBeLessThanOrEqual(HELD_BYTES);
      isAwake = true;
      peer.raw.resume();
      await reads(connection, peer, 20_000_000);
      expect(connection.stats().acknowledgedBy).toBe("ping");
      expect(connection.state).not.toBe("frozen");
      await waitFor(() => connection.stats().stalledForMs < 1_000, { message: "progress" });
    },
  );

  test("is given up by the heartbeat, though it takes what it is given", LONG, async () => {
    const toFake = ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"];
    vi.useFakeTimers({ toFake: toFake as "setTimeout"[] });
    const { connection, peer, sending } = await meet(once, { heartbeat: {} });
    await stops(peer);
    const before = peer.raw.bytesRead;
    for (let second = 0; second < 29; second++) {
      vi.advanceTimersByTime(1_000);
      await stops(peer);
    }
    expect(peer.raw.bytesRead).toBeGreaterThan(before);
    expect(connection.state).toBe("frozen");
    for (let second = 0; second < 15 && connection.state !== "dead"; second++) {
      vi.advanceTimersByTime(1_000);
      await stops(peer);
    }
    expect(connection.state).toBe("dead");
    expect(await sending).toBe("SPW_ERR_TIMEOUT");
  });
});
