import { fromIterable } from "@spillway/streams";
import { waitFor } from "@spillway/testing";
import { connectPeer, type PeerOptions } from "@spillway/testing/node";
import type { Connection } from "@spillway/websocket";
import { describe, expect, test, vi } from "vitest";
import { FlowWindow } from "../src/flow-window.ts";
import { serve } from "./support.ts";

const PICTURE_BYTES = 16_667;

function* pictures(): Generator<Uint8Array> {
  for (;;) yield new Uint8Array(PICTURE_BYTES);
}

/** A connection that always has more to send. */
async function flood(options: PeerOptions): Promise<Connection> {
  const server = await serve();
  await connectPeer(server.url, options);
  const connection = await server.next();
  fromIterable(pictures())
    .pipeTo(connection.writable)
    .catch(() => {});
  return connection;
}

describe("the automatic window", () => {
  test("of a slow peer is what it reads in a moment", { timeout: 30_000 }, async () => {
    const connection = await flood({ read: { bytesPerSecond: 200_000 } });
    const isSmall = (): boolean => {
      const { deliveryRate = 0, windowBytes = Infinity, inFlightBytes = 0 } = connection.stats();
      return deliveryRate > 0 && windowBytes < 16_384 && inFlightBytes < 2 * PICTURE_BYTES;
    };
    await waitFor(isSmall, { timeoutMs: 20_000, message: "a small window" });
    expect(connection.stats().deliveryRate).toBeLessThan(2_000_000);
    connection.terminate();
    await connection.closed;
  });

  test("of a fast peer does not hold it up", { timeout: 30_000 }, async () => {
    const connection = await flood({});
    const isLarge = (): boolean => (connection.stats().windowBytes ?? 0) > 262_144;
    await waitFor(isLarge, { timeoutMs: 20_000, message: "a large window" });
    connection.terminate();
    await connection.closed;
  });

  test("learns of a kernel that takes no more, though the window has room", async () => {
    const filled = vi.spyOn(FlowWindow.prototype, "filled");
    const server = await serve({ window: 64 << 20 });
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    fromIterable(pictures())
      .pipeTo(connection.writable)
      .catch(() => {});
    await waitFor(() => filled.mock.calls.length > 0, { message: "a full kernel" });
    const { bufferedBytes, inFlightBytes } = connection.stats();
    expect(bufferedBytes).toBeGreaterThan(0);
    expect(inFlightBytes).toBeLessThan(64 << 20);
    filled.mockRestore();
    peer.vanish();
    await connection.closed;
  });

  test.each(["none", "latest"] as const)(
    "does not lock up with a peer that answers %s of its pings",
    { timeout: 30_000 },
    async (pongs) => {
      const connection = await flood({ pongs });
      const hasSent = (): boolean => connection.stats().sentBytes > 20_000_000;
      await waitFor(hasSent, { timeoutMs: 20_000, message: "20 MB" });
      const { acknowledgedBy, windowBytes } = connection.stats();
      expect(acknowledgedBy).toBe(pongs === "none" ? "kernel" : "ping");
      if (pongs === "none") expect(windowBytes).toBe(262_144);
      connection.terminate();
      await connection.closed;
    },
  );
});
