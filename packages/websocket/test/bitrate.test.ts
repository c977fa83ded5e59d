import { broadcast } from "@spillway/streams";
import { connectPeer } from "@spillway/testing/node";
import { type Connection, targetBitrate } from "@spillway/websocket";
import { expect, onTestFinished, test } from "vitest";
import { serve } from "./support.ts";

const FPS = 30;

test(
  "an encoder that follows the slowest viewer stays within what it reads",
  { timeout: 30_000 },
  async () => {
    const server = await serve();
    const viewers = new Set<Connection>();
    const hub = broadcast<Uint8Array>();
    for (const read of [{ bytesPerSecond: 125_000 }, undefined]) {
      await connectPeer(server.url, { read });
      const connection = await server.next();
      viewers.add(connection);
      hub
        .subscribe({ overflow: "latest" })
        .pipeTo(connection.writable)
        .catch(() => {});
    }
    let bitrate = 4_000_000;
    const timer = setInterval(() => hub.publish(new Uint8Array(bitrate / 8 / FPS)), 1_000 / FPS);
    onTestFinished(() => clearInterval(timer));

    const told: number[] = [];
    let eased = 0;
    for await (const bitsPerSecond of targetBitrate(viewers)) {
      bitrate = bitsPerSecond;
      told.push(bitrate);
      const [slow] = [...viewers] as [Connection];
      eased = slow.congestion < 0.5 ? eased + 1 : 0;
      if (eased === 3) break;
    }
    expect(told[0]).toBeLessThan(1_000_000);
    expect(told.at(-1)).toBeGreaterThan(400_000);
    expect(told.at(-1)).toBeLessThan(1_200_000);
  },
);

test("the bitrates of a connection end with it", async () => {
  const server = await serve();
  await connectPeer(server.url);
  const connection = await server.next();
  const { targetBitrate: bitrates } = connection;
  expect(connection.congestion).toBe(0);
  connection.terminate();
  for await (const bitrate of bitrates) expect(bitrate).toBeGreaterThan(0);
  await connection.closed;
});

test.each([
  [new Set(), { percentile: 101 }, RangeError],
  [new Set(), { percentile: "10" }, TypeError],
  [undefined, {}, TypeError],
])("refuses %s with %s", (viewers, options, error) => {
  const ask = (): unknown => targetBitrate(viewers as never, options as never);
  expect(ask).toThrow(error);
  expect(ask).toThrow(expect.objectContaining({ code: "SPW_ERR_OPTION" }));
});
