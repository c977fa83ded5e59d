import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { waitFor } from "@spillway/testing";
import { connectPeer, type Peer } from "@spillway/testing/node";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Report } from "./server.ts";

const MAX_WINDOW = 8_388_608;
const HELD = 65_536 + 65_536;
const MIB = 1 << 20;
const REPORT_MS = 50;

interface Server {
  readonly url: string;
  start(action: "video" | "telemetry" | "watch"): void;
  stop(): void;
  report(): Promise<Report>;
}

async function startServer(): Promise<Server> {
  const child: ChildProcess = fork(new URL("server.ts", import.meta.url), {
    execArgv: ["--expose-gc", "--conditions=@spillway/source", "--import", "tsx"],
  });
  onTestFinished(() => {
    child.kill();
  });
  const [url] = (await once(child, "message")) as [string];
  return {
    url,
    start: (action) => child.send(action),
    stop: () => child.send("stop"),
    report: async () => {
      // It collects garbage first, and would do little else if asked as often as a test looks.
      await delay(REPORT_MS);
      const answer = once(child, "message");
      child.send("report");
      return ((await answer) as [Report])[0];
    },
  };
}

/** Asserts that the connection has stalled and dropped, and holds no more than the invariant. */
function expectStalled(report: Report, path: string, chunkBytes: number): void {
  const stats = report.connections[path];
  expect(stats?.stalledForMs).toBeGreaterThan(500);
  expect(stats?.dropped.chunks).toBeGreaterThan(0);
  const { queuedBytes = NaN, bufferedBytes = NaN } = stats ?? {};
  const { inFlightBytes = NaN, windowBytes = NaN } = stats ?? {};
  expect(queuedBytes + bufferedBytes).toBeLessThanOrEqual(HELD + chunkBytes + 14);
  expect(windowBytes).toBeLessThanOrEqual(MAX_WINDOW);
  expect(inFlightBytes).toBeLessThanOrEqual(windowBytes + 65_536);
}

function pictures(peer: Peer): { sequence: number; key: boolean }[] {
  const got: { sequence: number; key: boolean }[] = [];
  peer.onMessage((data) => {
    const bytes = data as Uint8Array;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    got.push({ sequence: view.getUint32(0), key: view.getUint8(4) === 1 });
  });
  return got;
}

describe("five viewers that break servers", () => {
  test("a browser tab sleeps while video streams to it", { timeout: 60_000 }, async () => {
    const server = await startServer();
    const viewer = await connectPeer(`${server.url}/video`);
    const got = pictures(viewer);
    server.start("video");
    await waitFor(() => got.length > 300, { message: "video" });
    expect(got.every(({ sequence }, index) => sequence === index)).toBe(true);

    viewer.freeze();
    const before = await server.report();
    await waitFor(async () => (await server.report()).published > before.published + 3_000, {
      timeoutMs: 20_000,
      message: "3,000 pictures (30 MB) while asleep",
    });
    const asleep = await server.report();
    expectStalled(asleep, "/video", 10_000);
    expect(asleep.memory.rss - before.memory.rss).toBeLessThan(10 * MIB);

    const seen = got.length;
    viewer.thaw();
    await waitFor(() => (got.at(-1)?.sequence ?? 0) > asleep.published, { message: "waking" });
    // Behind what was in flight when it fell asleep comes a keyframe, and no picture without it.
    const woken = got.slice(seen);
    const missing = (index: number): number =>
      (woken[index]?.sequence ?? 0) - (woken[index - 1]?.sequence ?? 0) - 1;
    const gaps = woken.map((_, index) => index).filter((index) => index > 0 && missing(index) > 0);
    expect(gaps.every((index) => woken[index]?.key)).toBe(true);
    // A server that was held up publishes what is due at once, and loses some of that too.
    const sleep = gaps.toSorted((one, other) => missing(other) - missing(one))[0] ?? 0;
    expect(sleep).toBeGreaterThan(0);
    expect(woken[sleep]?.sequence).toBeGreaterThan(asleep.published - 700);
  });

  test("200 × 250 B/s of telemetry goes to a stalled client", { timeout: 60_000 }, async () => {
    const server = await startServer();
    const viewer = await connectPeer(`${server.url}/telemetry`);
    const before = await server.report();
    server.start("telemetry");
    await waitFor(() => viewer.received.messages > 400, { message: "telemetry" });
    viewer.freeze();
    await waitFor(async () => (await server.report()).published * 250 > 10_000_000, {
      timeoutMs: 40_000,
      message: "10 MB offered",
    });
    const stalled = await server.report();
    expectStalled(stalled, "/telemetry", 300);
    expect(stalled.memory.rss - before.memory.rss).toBeLessThan(20 * MIB);

    server.stop();
    const { published } = await server.report();
    const newest = new Map<number, number>();
    viewer.onMessage((data) => {
      const { sensor, seq } = JSON.parse(data as string) as { sensor: number; seq: number };
      newest.set(sensor, seq);
    });
    viewer.thaw();
    const isNewest = (seq: number): boolean => seq >= published - 40;
    await waitFor(() => newest.size === 40 && [...newest.values()].every(isNewest), {
      message: "the newest value of each of the 40 sensors",
    });
    const { sentMessages = 0, dropped } = (await server.report()).connections["/telemetry"] ?? {};
    expect(sentMessages + (dropped?.chunks ?? 0)).toBe(published);
  });

  test("100 MB goes to each of 10 slow clients", { timeout: 240_000 }, async () => {
    const server = await startServer();
    const before = await server.report();
    const clients = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        connectPeer(`${server.url}/bulk?${index}`, { read: { bytesPerSecond: 2_000_000 } }),
      ),
    );
    let peak = 0;
    let stalls = 0;
    const done = (): boolean => clients.every(({ received }) => received.bytes === 100_000_000);
    await waitFor(
      async () => {
        const { memory, connections } = await server.report();
        peak = Math.max(peak, memory.rss - before.memory.rss);
        for (const stats of Object.values(connections)) {
          if (stats.state === "congested") stalls++;
          expect(stats.queuedBytes + stats.bufferedBytes).toBeLessThanOrEqual(HELD + 65_546);
        }
        return done();
      },
      { timeoutMs: 200_000, message: "100 MB at each client" },
    );
    expect(stalls).toBeGreaterThan(0);
    expect(peak).toBeLessThan(60 * MIB);
    for (const client of clients) {
      expect(await client.closed).toMatchObject({ closeCode: 1000, wasClean: true });
    }
  });

  test("a client sends faster than the handler reads", { timeout: 60_000 }, async () => {
    const server = await startServer();
    const client = await connectPeer(`${server.url}/upload`);
    const before = await server.report();
    const total = 20_000;
    let sent = 0;
    const sending = (async () => {
      for (let index = 0; index < total; index++) {
        await client.send(String(index).padStart(8, "0").padEnd(1_000, "x"));
        sent++;
      }
    })();
    let paused = 0;
    await waitFor(
      async () => {
        const { connections, memory, read } = await server.report();
        const stats = connections["/upload"];
        if (stats?.state === "paused") {
          paused++;
          expect(sent).toBeLessThan(total);
        }
        expect(stats?.receiveQueuedBytes).toBeLessThanOrEqual(HELD + 1_004);
        expect(memory.rss - before.memory.rss).toBeLessThan(30 * MIB);
        return read >= 3_000;
      },
      { timeoutMs: 30_000, message: "3 MB read slowly" },
    );
    expect(paused).toBeGreaterThan(0);
    await sending;
    await waitFor(async () => (await server.report()).read === total, { message: "the rest" });
  });

  test("one viewer of 50 stalls", { timeout: 60_000 }, async () => {
    const server = await startServer();
    const viewers = await Promise.all(
      Array.from({ length: 49 }, (_, index) => connectPeer(`${server.url}/watch?${index}`)),
    );
    const got = viewers.map(pictures);
    const stalled = await connectPeer(`${server.url}/watch?stalled`);
    server.start("watch");
    await waitFor(() => stalled.received.messages > 15, { message: "video" });
    stalled.freeze();
    await waitFor(async () => (await server.report()).published > 300, {
      timeoutMs: 30_000,
      message: "10 s of video",
    });
    server.stop();
    const report = await server.report();
    expectStalled(report, "/watch?stalled", 10_000);
    await waitFor(() => got.every((list) => list.length === report.published), {
      message: "every picture at every healthy viewer",
    });
    for (const list of got) {
      expect(list.every(({ sequence }, index) => sequence === index)).toBe(true);
    }
  });
});
