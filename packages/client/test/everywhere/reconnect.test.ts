import { ReconnectingWebSocketStream, type ReconnectingOptions } from "@spillway/client";
import { Gap } from "@spillway/streams";
import { settle, waitFor } from "@spillway/testing";
import { describe, expect, inject, onTestFinished, test } from "vitest";

// Node 20 has none of its own. Elsewhere `ws` is not even looked for.
const moduleOfWs = "ws";
const platform: ReconnectingOptions =
  "WebSocket" in globalThis
    ? {}
    : ((await import(/* @vite-ignore */ moduleOfWs)) as ReconnectingOptions);
const { WebSocket } = platform;
const own: ReconnectingOptions = WebSocket === undefined ? {} : { WebSocket };

describe("coming back on this platform", () => {
  test("holds the server up, is reset on the way, and reads on from the next connection", async () => {
    const url = `${inject("creditServer")}/clip/${crypto.randomUUID()}`;
    const socket = new ReconnectingWebSocketStream(url, { ...own, maxUnreadMessages: 64 });
    onTestFinished(() => socket.close());
    const reader = socket.lane("video", { gaps: true }).getReader();
    await waitFor(() => socket.stats().unreadMessages === 64);
    await settle();
    expect(socket.stats()).toMatchObject({ unreadMessages: 64, connections: 1 });
    const seen: ("picture" | Gap)[] = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      seen.push(value instanceof Gap ? value : "picture");
    }
    // What had come before the reset is read as well, and all of the clip after it.
    const lost = seen.findIndex((one) => one instanceof Gap);
    expect(seen[lost]).toEqual(new Gap(0, 0, "closed"));
    expect(lost).toBeGreaterThanOrEqual(64);
    expect(seen.length - lost - 1).toBe(300);
    expect(socket.stats()).toMatchObject({ connections: 2, credits: "agreed" });
    expect(socket.stats().receivedMessages).toBe(lost + 300);
  });
});
