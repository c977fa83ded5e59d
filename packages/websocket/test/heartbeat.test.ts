import { randomBytes } from "node:crypto";
import { waitFor } from "@spillway/testing";
import { connectPeer, type Peer } from "@spillway/testing/node";
import type { Connection, ConnectionOptions } from "@spillway/websocket";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { outcome, serve } from "./support.ts";

/** The least that is allowed. */
const HEARTBEAT = { everyMs: 100, deadlineMs: 5_000 };
const OPTIONS: ConnectionOptions = { heartbeat: HEARTBEAT, closeTimeoutMs: 200 };

/** What a peer makes up for when it was held up: more passes neither there nor here. */
const MOST_MS = 100;

/** Has time pass so many times as fast for connections; for peers and for the network it is real. */
function hurry(times: number): void {
  const realMs = performance.now.bind(performance);
  let lastMs = realMs();
  const timer = setInterval(() => {
    const passedMs = realMs() - lastMs;
    lastMs += passedMs;
    vi.advanceTimersByTime(Math.round(times * Math.min(passedMs, MOST_MS)));
  }, 10);
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"],
  });
  onTestFinished(async () => {
    // The timer that all heartbeats share must not outlive this clock; it ends when it finds none.
    await waitFor(() => vi.getTimerCount() === 0, { message: "the end of all timers" });
    vi.useRealTimers();
    clearInterval(timer);
  });
}

/** All this time the heartbeat was at work. */
async function expectVerdict(connection: Connection, peer: Peer): Promise<void> {
  expect(connection.signal.aborted).toBe(false);
  peer.freeze();
  vi.advanceTimersByTime(HEARTBEAT.deadlineMs + 2 * HEARTBEAT.everyMs);
  await connection.closed;
  expect(connection.signal.reason).toMatchObject({ code: "SPW_ERR_TIMEOUT" });
}

describe("the heartbeat of a peer that takes longer than the deadline for one message", () => {
  /** Longer than anything takes to move, and well below the deadline. */
  const STALL_MS = 2_500;
  const message = randomBytes(16_000_000);

  test.each([
    ["auto", "all"],
    [65_536, "all"],
    [false, "all"],
    [false, "none"],
  ] as const)(
    "sees it move (window %s, and %s of the pings answered)",
    { timeout: 30_000 },
    async (window, pongs) => {
      hurry(4);
      const server = await serve({ ...OPTIONS, window });
      const peer = await connectPeer(server.url, { pongs, read: { bytesPerSecond: 8_000_000 } });
      const connection = await server.next();
      let received: unknown;
      peer.onMessage((whole) => {
        received = whole;
      });
      const startedMs = performance.now();
      const writing = outcome(connection.writable.getWriter().write(message));
      const states = new Set<string>();
      const moved = new Set<number>();
      let longestStallMs = 0;
      await waitFor(
        () => {
          const stats = connection.stats();
          states.add(stats.state);
          longestStallMs = Math.max(longestStallMs, stats.stalledForMs);
          if (stats.sentMessages === 0) moved.add(stats.sentBytes - stats.bufferedBytes);
          return received !== undefined || connection.signal.aborted;
        },
        { timeoutMs: 20_000, message: "the message" },
      );
      expect(connection.signal.reason).toBeUndefined();
      expect(performance.now() - startedMs).toBeGreaterThan(HEARTBEAT.deadlineMs + 1_000);
      expect(await writing).toBe("resolved");
      expect(Buffer.compare(received as Uint8Array, message)).toBe(0);
      expect(states).toContain("congested");
      expect(states).not.toContain("dead");
      // Without a window the kernel takes megabytes at once, and some at a time after that.
      expect(moved.size).toBeGreaterThan(window === false ? 4 : 10);
      expect(longestStallMs).toBeLessThan(STALL_MS);
      await expectVerdict(connection, peer);
    },
  );
});

describe("the heartbeat of a peer whose messages nobody reads for longer than the deadline", () => {
  const MAX_QUEUED_BYTES = 262_144;
  /** One read of the socket, which a pause lets through. */
  const OVERSHOOT = 65_536;
  const MESSAGE_BYTES = 10_000;
  /** In all more than both kernels hold. */
  const MESSAGES = 2_400;

  test("has no verdict, and everything arrives once it is read", { timeout: 30_000 }, async () => {
    hurry(10);
    const server = await serve({ ...OPTIONS, maxQueuedBytes: MAX_QUEUED_BYTES });
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const reader = connection.readable.getReader();
    let sent = 0;
    const sending = Array.from({ length: MESSAGES }, async (_, index) => {
      const how = await outcome(peer.send(new Uint8Array(MESSAGE_BYTES).fill(index % 251)));
      if (how === "resolved") sent++;
    });
    // Until then the heartbeat lets a little through each time.
    await waitFor(() => connection.stats().receiveQueuedBytes >= MAX_QUEUED_BYTES, {
      timeoutMs: 20_000,
      message: "all that may wait",
    });

    const states = new Set<string>();
    const pausedMs = performance.now();
    await waitFor(
      () => {
        states.add(connection.state);
        const isOver = performance.now() - pausedMs > 2 * HEARTBEAT.deadlineMs;
        return isOver || connection.signal.aborted;
      },
      { timeoutMs: 20_000, message: "two deadlines" },
    );
    expect([...states]).toEqual(["paused"]);
    expect(sent).toBeLessThan(MESSAGES);
    const most = MAX_QUEUED_BYTES + OVERSHOOT + MESSAGE_BYTES;
    expect(connection.stats().receiveQueuedBytes).toBeLessThanOrEqual(most);

    for (let index = 0; index < MESSAGES; index++) {
      const { value } = await reader.read();
      expect(value).toHaveLength(MESSAGE_BYTES);
      expect([value?.at(0), value?.at(-1)]).toEqual([index % 251, index % 251]);
    }
    await Promise.all(sending);
    expect(sent).toBe(MESSAGES);
    expect(connection.stats()).toMatchObject({ receivedMessages: MESSAGES, receiveQueuedBytes: 0 });
    expect(connection.state).toBe("healthy");

    const idleMs = performance.now();
    await waitFor(() => performance.now() - idleMs > HEARTBEAT.deadlineMs + 1_000, {
      timeoutMs: 20_000,
      message: "another deadline",
    });
    await expectVerdict(connection, peer);
  });
});
