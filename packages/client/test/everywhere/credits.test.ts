import { WebSocketStream, type WebSocketStreamOptions } from "@spillway/client";
import { isSettled, settle, waitFor } from "@spillway/testing";
import { afterEach, describe, expect, inject, test } from "vitest";
import type { Report } from "./report.ts";

// Node 20 has none of its own. Elsewhere `ws` is not even looked for.
const moduleOfWs = "ws";
const platform: WebSocketStreamOptions =
  "WebSocket" in globalThis
    ? {}
    : ((await import(/* @vite-ignore */ moduleOfWs)) as WebSocketStreamOptions);
const { WebSocket } = platform;
const own: WebSocketStreamOptions = WebSocket === undefined ? {} : { WebSocket };

const opened: WebSocketStream[] = [];

afterEach(() => {
  for (const socket of opened.splice(0)) socket.close();
});

function open(path: string, options: WebSocketStreamOptions = {}): WebSocketStream {
  const socket = new WebSocketStream(`${inject("creditServer")}/${path}`, { ...own, ...options });
  opened.push(socket);
  return socket;
}

/** What the server says of a connection, by its number. */
async function report(id: string, route: string = "report", count: number = 0): Promise<Report> {
  const { readable } = await open(`${route}/${id}/${count}`, { credits: "off" }).opened;
  const { value } = await readable.getReader().read();
  return JSON.parse(value as string) as Report;
}

const SMALL = { maxUnreadMessages: 64 };

describe("credits on this platform", () => {
  test("a reader that reads nothing holds the server up, and each read lets it go on", async () => {
    const id = crypto.randomUUID();
    const socket = open(`flood/${id}`, SMALL);
    const reader = (await socket.opened).readable.getReader();
    await waitFor(() => socket.stats().unreadMessages === 64);
    await settle();
    expect((await report(id)).sent[0]).toBe(64);
    for (let read = 0; read < 64; read++) await reader.read();
    await waitFor(() => socket.stats().receivedMessages === 128);
    expect((await report(id)).sent[0]).toBe(128);
  });

  test("a thread that is blocked is sent its credit and no more", async () => {
    const id = crypto.randomUUID();
    const socket = open(`flood/${id}`, SMALL);
    const reader = (await socket.opened).readable.getReader();
    for (let read = 0; read < 1000; read++) await reader.read();
    const until = performance.now() + 300;
    while (performance.now() < until) Math.sqrt(until);
    const { sent } = await report(id);
    expect(sent[0]).toBeLessThanOrEqual(1000 + 64);
  });

  test("a lane that nobody reads holds up no other", async () => {
    const id = crypto.randomUUID();
    const socket = open(`lanes/${id}`, SMALL);
    const writer = (await socket.opened).writable.getWriter();
    const chat = socket.lane("chat").getReader();
    for (let index = 0; index < 100; index++) {
      await writer.write(`${index}`);
      expect((await chat.read()).value).toBe(`${index}`);
    }
    expect((await report(id)).sent).toEqual([0, 64, 100]);
    expect((await socket.lane("video").getReader().read()).value).toHaveLength(1024);
  });

  test("a server that reads nothing holds a writer up, and each read lets it go on", async () => {
    const id = crypto.randomUUID();
    const socket = open(`hold/${id}`);
    const writer = (await socket.opened).writable.getWriter();
    await waitFor(() => socket.stats().credits === "agreed");
    let written = 0;
    const writing = (async () => {
      for (; written < 200; written++) await writer.write(`${written}`);
    })();
    await waitFor(() => written === 63);
    await settle();
    expect(written).toBe(63);
    expect(await isSettled(writer.ready)).toBe(false);
    for (let read = 0; read < 13; read++) {
      await waitFor(async () => (await report(id)).received >= Math.min(200, (read + 1) * 16));
      await report(id, "read", 16);
    }
    await writing;
    expect((await report(id)).peak.messages).toBeLessThanOrEqual(64);
  });
});
