import { ReconnectingWebSocketStream } from "@spillway/client";
import { waitFor } from "@spillway/testing";
import { connectPeer } from "@spillway/testing/node";
import type { FastifyInstance } from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { buildApp } from "../src/app.ts";
import type { ConnectionView } from "../src/flow-snapshot.ts";
import { decodePicture, type Picture } from "../src/picture.ts";
import { openVideo } from "../src/video-source.ts";

async function startDemo(): Promise<{ app: FastifyInstance; http: string; ws: string }> {
  const stopped = new AbortController();
  const video = await openVideo(undefined, { signal: stopped.signal });
  const app = await buildApp({ video });
  onTestFinished(async () => {
    stopped.abort();
    await app.close();
  });
  const http = await app.listen({ host: "127.0.0.1", port: 0 });
  return { app, http, ws: http.replace("http", "ws") };
}

async function connections(http: string): Promise<ConnectionView[]> {
  return (await (await fetch(`${http}/api/connections`)).json()) as ConnectionView[];
}

describe("WS /streams/video", () => {
  test("sends a 16-byte header and the VP8 frame, a keyframe first", async () => {
    const { ws } = await startDemo();
    const viewer = await connectPeer(`${ws}/streams/video`);
    const messages = (await viewer.collect(40)) as Uint8Array<ArrayBuffer>[];
    const first = new DataView((messages[0] as Uint8Array).slice().buffer);
    expect(first.getUint8(0)).toBe(1);
    expect(first.getUint8(1)).toBe(1);
    expect(first.getUint16(2)).toBe(0);
    expect(Math.abs(Date.now() - first.getFloat64(8))).toBeLessThan(5_000);
    // RFC 6386 section 9.1: a keyframe's start code, then 14 bits each of width and height.
    expect([...(messages[0] as Uint8Array).subarray(19, 22)]).toEqual([0x9d, 0x01, 0x2a]);
    // The least quality.
    expect(first.getUint16(22, true) & 0x3fff).toBe(320);
    expect(first.getUint16(24, true) & 0x3fff).toBe(180);

    const views = messages.map((message) => new DataView(message.buffer, message.byteOffset));
    views.forEach((view, index) => {
      expect(view.getUint32(4)).toBe(first.getUint32(4) + index);
      expect(view.getUint8(1) & 1).toBe((view.getUint8(16) & 1) === 0 ? 1 : 0);
    });
    expect(views.filter((view) => (view.getUint8(1) & 1) === 1).length).toBeGreaterThan(1);
  });

  test("counts what a stalled viewer loses, while another misses nothing", async () => {
    const { http, ws } = await startDemo();
    const stalled = await connectPeer(`${ws}/streams/video?viewer=stalled`);
    await stalled.collect(5);
    stalled.freeze();
    const healthy = await connectPeer(`${ws}/streams/video`);
    const seen: number[] = [];
    healthy.onMessage((data) => {
      seen.push(new DataView((data as Uint8Array).slice().buffer).getUint32(4));
    });
    const find = async (): Promise<ConnectionView | undefined> =>
      (await connections(http)).find(({ viewer }) => viewer === "stalled");
    await waitFor(async () => ((await find())?.droppedMessages ?? 0) > 30, {
      timeoutMs: 20_000,
      message: "a dropped group of pictures",
    });
    const view = await find();
    expect(view?.stalledForMs).toBeGreaterThan(500);
    expect((view?.queuedBytes ?? 0) + (view?.bufferedBytes ?? 0)).toBeLessThan(
      65_536 * 2 + 100_000,
    );
    // Of the least quality: a picture has 1,300 bytes on average.
    expect(view?.droppedBytes).toBeGreaterThan(20_000);
    expect(seen.length).toBeGreaterThan(60);
    // The first picture of a better quality may be one that was shown.
    const numbers = [...new Set(seen)];
    expect(numbers.every((number, index) => number === (seen[0] ?? 0) + index)).toBe(true);
  }, 30_000);

  test("gives each viewer the quality it has room for, and goes down with it", async () => {
    const { http, ws } = await startDemo();
    const layerOf = async (name: string): Promise<number | null | undefined> =>
      (await connections(http)).find(({ viewer }) => viewer === name)?.layer;
    const fast = await connectPeer(`${ws}/streams/video?viewer=fast`);
    const slow = await connectPeer(`${ws}/streams/video?viewer=slow`, {
      read: { bytesPerSecond: 80_000 },
    });
    const seen: { sequence: number; layer: number; isKey: boolean }[] = [];
    fast.onMessage((data) => {
      const view = new DataView((data as Uint8Array).slice().buffer);
      const isKey = (view.getUint8(1) & 1) === 1;
      seen.push({ sequence: view.getUint32(4), layer: view.getUint16(2), isKey });
    });
    // What is too much for a viewer shows once what is on the way is full.
    const isSettled = async (): Promise<boolean> =>
      (await layerOf("fast")) === 2 && (await layerOf("slow")) === 0;
    await waitFor(isSettled, { timeoutMs: 40_000, message: "the best quality, and the least" });
    for (const [index, { sequence, layer, isKey }] of seen.entries()) {
      const before = seen[index - 1] ?? { sequence: sequence - 1, layer };
      expect(sequence - before.sequence).toBeLessThanOrEqual(1);
      if (layer !== before.layer) expect(isKey).toBe(true);
      else expect(sequence).toBe(before.sequence + 1);
    }
    fast.setRate({ bytesPerSecond: 80_000 });
    await waitFor(async () => ((await layerOf("fast")) ?? 2) < 2, {
      timeoutMs: 30_000,
      message: "a lesser quality",
    });
    slow.reset();
  }, 90_000);

  test("ends a peer that sends too large a message with 1009, and no other", async () => {
    const { ws } = await startDemo();
    const healthy = await connectPeer(`${ws}/streams/video`);
    const flood = await connectPeer(`${ws}/streams/video`);
    void flood.send(new Uint8Array(100_000)).catch(() => {});
    expect(await flood.closed).toMatchObject({ closeCode: 1009 });
    expect(await healthy.collect(3)).toHaveLength(3);
  });
});

describe("WS /streams/telemetry", () => {
  test("sends about 200 readings a second of about 250 bytes as JSON text", async () => {
    const { ws } = await startDemo();
    const viewer = await connectPeer(`${ws}/streams/telemetry`);
    await viewer.collect(1);
    const started = performance.now();
    const messages = (await viewer.collect(400)) as string[];
    const seconds = (performance.now() - started) / 1_000;
    expect(400 / seconds).toBeGreaterThan(150);
    expect(400 / seconds).toBeLessThan(250);
    const readings = messages.map((text) => JSON.parse(text) as Record<string, unknown>);
    const sensors = new Set<unknown>();
    for (const [index, reading] of readings.entries()) {
      expect(reading["seq"]).toBe((readings[0]?.["seq"] as number) + index);
      expect(Math.abs(Date.now() - (reading["t"] as number))).toBeLessThan(5_000);
      expect((messages[index] as string).length).toBeGreaterThan(190);
      expect((messages[index] as string).length).toBeLessThan(310);
      sensors.add(reading["sensor"]);
    }
    expect(sensors.size).toBeGreaterThan(5);
  });
});

describe("WS /streams/live", () => {
  async function find(http: string, name: string): Promise<ConnectionView | undefined> {
    return (await connections(http)).find(({ viewer }) => viewer === name);
  }

  test("shows the age that a viewer tells, which grows until it tells more", async () => {
    const { http, ws } = await startDemo();
    const viewer = await connectPeer(`${ws}/streams/live?viewer=teller`);
    expect(await find(http, "teller")).toMatchObject({ ageMs: null, silentForMs: null });
    await viewer.send('{"ageMs":60000}');
    await waitFor(async () => ((await find(http, "teller"))?.ageMs ?? 0) > 60_300, {
      message: "the age to grow",
    });
    const { ageMs, silentForMs } = (await find(http, "teller")) ?? {};
    expect((ageMs ?? 0) - (silentForMs ?? 0)).toBeCloseTo(60_000);
    await viewer.send('{"ageMs":40}');
    await waitFor(async () => ((await find(http, "teller"))?.ageMs ?? Infinity) < 60_000, {
      message: "the next age",
    });
  });

  test("passes over what is no report", async () => {
    const { http, ws } = await startDemo();
    const viewer = await connectPeer(`${ws}/streams/live?viewer=babbler`);
    await viewer.send('{"ageMs":60000}');
    const texts = ["", "age", "40", "null", "[40]", "{}", '{"ageMs":"40"}', '{"ageMs":null}'];
    const ages = ['{"ageMs":-40}', '{"ageMs":0.4}', '{"ageMs":1e400}', '{"ageMs":40', '"ageMs"'];
    const others = [...texts, ...ages, new TextEncoder().encode('{"ageMs":40}')];
    for (const message of others) await viewer.send(message);
    const hasAll = async (): Promise<boolean> =>
      (await find(http, "babbler"))?.receivedMessages === others.length + 1;
    await waitFor(hasAll, { message: "all of it" });
    const view = await find(http, "babbler");
    expect(view?.ageMs).toBeGreaterThanOrEqual(60_000);
    expect(view?.drops).not.toHaveProperty("unread");
    await viewer.send('{"ageMs":40}');
    await waitFor(async () => ((await find(http, "babbler"))?.ageMs ?? Infinity) < 60_000, {
      message: "a report behind it",
    });
  });

  test("ends a viewer with 1009 that sends what is too large for a report", async () => {
    const { http, ws } = await startDemo();
    const healthy = await connectPeer(`${ws}/streams/live?viewer=healthy`);
    const flood = await connectPeer(`${ws}/streams/live`);
    await healthy.send(JSON.stringify({ ageMs: 40 }).padEnd(1_024));
    await flood.send(JSON.stringify({ ageMs: 40 }).padEnd(1_025));
    expect(await flood.closed).toMatchObject({ closeCode: 1009 });
    await waitFor(async () => ((await find(http, "healthy"))?.ageMs ?? 0) >= 40, {
      message: "what is just not too large",
    });
  });

  test("begins anew with the last keyframe for a page that asks", { timeout: 20_000 }, async () => {
    const { ws } = await startDemo();
    const socket = new ReconnectingWebSocketStream(`${ws}/streams/live`, {
      WebSocket,
    });
    onTestFinished(() => socket.close());
    const reader = socket.lane("video", { gaps: true, stale: "drop" }).getReader();
    const next = async (wanted: (picture: Picture) => boolean): Promise<Picture> => {
      for (;;) {
        const { value } = await reader.read();
        if (!(value instanceof Uint8Array)) throw new Error("Cannot go on without a picture");
        const picture = decodePicture(value);
        if (wanted(picture)) return picture;
      }
    };
    for (let begun = 0, tries = 0; begun < 2; tries++) {
      expect(tries).toBeLessThan(10);
      const key = await next((picture) => picture.key);
      const seen = await next((picture) => picture.sequence >= key.sequence + 5 && !picture.key);
      socket.resync("video");
      // Without that it only counts up, on to the next keyframe.
      const again = await next((picture) => picture.key || picture.sequence <= seen.sequence);
      if (again.sequence > seen.sequence) continue;
      begun++;
      expect(again).toMatchObject({ key: true, layer: 0 });
    }
  });
});

describe("the flow panel's feed", () => {
  test("is the same on WS /streams/flow and GET /api/connections", async () => {
    const { http, ws } = await startDemo();
    await connectPeer(`${ws}/streams/video?viewer=me`);
    const panel = await connectPeer(`${ws}/streams/flow`);
    const [, text] = (await panel.collect(2)) as [string, string];
    const snapshot = JSON.parse(text) as {
      connections: ConnectionView[];
      totals: { accepted: number };
      server: { rssBytes: number };
    };
    expect(snapshot.connections.map(({ route }) => route)).toEqual([
      "/streams/video",
      "/streams/flow",
    ]);
    expect(snapshot.connections[0]).toMatchObject({ viewer: "me", state: "healthy" });
    expect(snapshot.totals.accepted).toBe(2);
    expect(snapshot.server.rssBytes).toBeGreaterThan(1e7);
    const [listed] = await connections(http);
    expect(Object.keys(listed ?? {})).toEqual(Object.keys(snapshot.connections[0] ?? {}));
  });

  test("keeps totals when a connection ends", async () => {
    const { app, ws } = await startDemo();
    const viewer = await connectPeer(`${ws}/streams/video`);
    await viewer.collect(3);
    viewer.close();
    await waitFor(() => app.spillway.connections.size === 0, { message: "the end" });
    await waitFor(() => app.spillway.stats().sentMessages >= 3, { message: "the totals" });
    expect(app.spillway.stats()).toMatchObject({ accepted: 1, connections: 0 });
  });
});

describe("WS /streams/plain", () => {
  test("sends the same pictures and shows its buffer", async () => {
    const { http, ws } = await startDemo();
    const viewer = await connectPeer(`${ws}/streams/plain?viewer=plain`);
    const [message] = (await viewer.collect(1)) as [Uint8Array];
    expect(message[0]).toBe(1);
    const view = (await connections(http)).find(({ route }) => route === "/streams/plain");
    expect(view).toMatchObject({ viewer: "plain", droppedMessages: 0 });
  });

  test("takes four viewers at a time", async () => {
    const { ws } = await startDemo();
    await Promise.all([1, 2, 3, 4].map(() => connectPeer(`${ws}/streams/plain`)));
    const fifth = await connectPeer(`${ws}/streams/plain`);
    expect(await fifth.closed).toMatchObject({ closeCode: 1013 });
  });
});

describe("plain HTTP", () => {
  test("serves the page, isolated, and its scripts", async () => {
    const { http } = await startDemo();
    const page = await fetch(http);
    expect(page.status).toBe(200);
    expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    expect(await page.text()).toContain("<canvas");
    for (const path of ["/picture.js", "/vendor/uplot/uPlot.esm.js", "/style.css"]) {
      expect((await fetch(`${http}${path}`)).status, path).toBe(200);
    }
  });

  test("has metrics and a liveness probe", async () => {
    const { http } = await startDemo();
    expect(await (await fetch(`${http}/healthz`)).json()).toEqual({ status: "ok" });
    const metrics = await (await fetch(`${http}/metrics`)).text();
    expect(metrics).toContain("spillway_connections 0\n");
  });

  test("answers an unknown route and a WebSocket route with coded errors", async () => {
    const { http, ws } = await startDemo();
    const unknown = await fetch(`${http}/nowhere`);
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ code: "FST_ERR_NOT_FOUND" });
    const upgrade = await fetch(`${http}/streams/video`);
    expect(upgrade.status).toBe(426);
    expect(await upgrade.json()).toMatchObject({ code: "FST_ERR_UPGRADE_REQUIRED" });
    await expect(connectPeer(`${ws}/nowhere`)).rejects.toThrow(/404/u);
  });
});
