import { constants, deflateRawSync } from "node:zlib";
import type { Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { serveNet } from "../servers/net.ts";
import { serveWs } from "../servers/ws.ts";
import { ClientCrowd } from "./crowd.ts";
import { serverHeader } from "./frames.ts";
import { stamp, type Crowd } from "./protocol.ts";

const BYTES = 100;
const message = Buffer.concat([serverHeader(BYTES), Buffer.alloc(BYTES)]);

/** Clients of a bare server, and the sockets that it has of them. */
async function connected(
  clients: number,
  how: Partial<Crowd> = {},
  report?: (least: number) => void,
): Promise<{ crowd: ClientCrowd; sockets: readonly Socket[] }> {
  const sockets: Socket[] = [];
  const { port } = await serveNet(
    (socket) => sockets.push(socket),
    async () => {},
  );
  const all: Crowd = { port, clients, counts: "messages", messageBytes: BYTES, stallMs: 50 };
  const crowd = new ClientCrowd({ ...all, ...how }, report);
  onTestFinished(async () => crowd.close());
  await crowd.connect(clients);
  expect(sockets).toHaveLength(clients);
  return { crowd, sockets };
}

/** As permessage-deflate has it: without the four bytes that every message ends in. */
function deflated(text: string): Buffer {
  return deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

function sendAll(sockets: readonly Socket[], bytes: Uint8Array, times: number): void {
  for (const socket of sockets) for (let sent = 0; sent < times; sent++) socket.write(bytes);
}

describe("ClientCrowd", () => {
  test("resolves when each client has got all, time after time", async () => {
    const { crowd, sockets } = await connected(5);
    for (const times of [1, 1000]) {
      crowd.expect(times);
      const arrival = crowd.arrival();
      sendAll(sockets, message, times);
      await expect(arrival).resolves.toEqual({ p50: 0, p99: 0 });
    }
  });

  test("refuses what got lost", async () => {
    const { crowd, sockets } = await connected(2);
    crowd.expect(3);
    const arrival = crowd.arrival();
    sendAll(sockets, message, 2);
    await expect(arrival).rejects.toThrow("messages of a client: 2, want 3");
  });

  test("refuses what came twice for one and not at all for another", async () => {
    const { crowd, sockets } = await connected(2);
    crowd.expect(1);
    const arrival = crowd.arrival();
    sendAll(sockets.slice(1), message, 2);
    await expect(arrival).rejects.toThrow("messages of a client: 0, want 1");
  });

  test("refuses a message too many, when it came too late for its own account", async () => {
    const { crowd, sockets } = await connected(1, {}, () => seen());
    let seen = (): void => {};
    crowd.expect(1);
    const arrival = crowd.arrival();
    sendAll(sockets, message, 1);
    await arrival;
    crowd.report(1);
    const surplus = new Promise<void>((resolve) => {
      seen = resolve;
    });
    sendAll(sockets, message, 1);
    await surplus;
    expect(() => crowd.expect(1)).toThrow("messages of a client: 2, want 1");
  });

  test("refuses messages of another size", async () => {
    const { crowd, sockets } = await connected(1);
    crowd.expect(1);
    const arrival = crowd.arrival();
    sendAll(sockets, Buffer.concat([serverHeader(9), Buffer.alloc(9)]), 1);
    await expect(arrival).rejects.toThrow("messages of a client: 0, want 1");
  });

  test("counts bytes, of any messages", async () => {
    const { crowd, sockets } = await connected(3, { counts: "bytes", messageBytes: 0 });
    crowd.expect(10 * BYTES);
    const arrival = crowd.arrival();
    sendAll(sockets, message, 10);
    await expect(arrival).resolves.toBeDefined();
  });

  test("refuses a connection that is lost", async () => {
    const { crowd, sockets } = await connected(2);
    crowd.expect(1);
    const arrival = crowd.arrival();
    sockets[0]?.destroy();
    await expect(arrival).rejects.toThrow("a client lost its connection");
  });

  test("expects nothing of clients that are frozen", async () => {
    const { crowd, sockets } = await connected(10);
    crowd.freeze(3);
    crowd.expect(4);
    const arrival = crowd.arrival();
    sendAll(sockets, message, 4);
    await expect(arrival).resolves.toBeDefined();
  });

  test("tells the least of all counts as it grows", async () => {
    const told: number[] = [];
    const { crowd, sockets } = await connected(2, {}, (least) => told.push(least));
    crowd.report(2);
    crowd.expect(6);
    const arrival = crowd.arrival();
    sendAll(sockets.slice(1), message, 6);
    sendAll(sockets.slice(0, 1), message, 6);
    await arrival;
    expect(told.at(-1)).toBe(6);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
  });

  test("tells the age of messages with a stamp", async () => {
    const { crowd, sockets } = await connected(2, { stampAt: 0 });
    crowd.expect(1);
    const arrival = crowd.arrival();
    const stamped = Buffer.from(message);
    stamped.write(stamp(), stamped.length - BYTES);
    sendAll(sockets, stamped, 1);
    const { p50, p99 } = await arrival;
    expect(p50).toBeGreaterThan(0);
    expect(p99).toBeGreaterThanOrEqual(p50);
    expect(p99).toBeLessThan(5);
  });

  test("times an echo", async () => {
    const { port } = await serveWs({
      open: (socket) => socket.on("message", (payload) => socket.send(payload)),
      run: async () => {},
    });
    const crowd = new ClientCrowd({ port, clients: 1, counts: "messages", messageBytes: BYTES });
    onTestFinished(async () => crowd.close());
    await crowd.connect(1);
    const { roundTrips, p50 } = await crowd.echo(BYTES, 20);
    expect(roundTrips).toBeGreaterThan(0);
    expect(p50).toBeGreaterThan(0);
  });

  test.each([
    ["what inflates to something else", deflated("no"), 0xc1, "inflates to something else"],
    ["what does not inflate", Buffer.from("yes"), 0xc1, "cannot be inflated"],
    ["what does not say that it is compressed", deflated("yes"), 0x81, "compressed messages"],
  ])("refuses %s", async (_what, payload, first, why) => {
    const sockets: Socket[] = [];
    const { port } = await serveWs({
      open: (_, request) => sockets.push(request.socket),
      run: async () => {},
      options: { perMessageDeflate: { serverNoContextTakeover: true } },
    });
    const crowd = new ClientCrowd({ port, clients: 1, counts: "messages", inflatesTo: "yes" });
    onTestFinished(async () => crowd.close());
    await crowd.connect(1);
    crowd.expect(1);
    const arrival = crowd.arrival();
    sendAll(sockets, Buffer.concat([Buffer.from([first, payload.byteLength]), payload]), 1);
    await expect(arrival).rejects.toThrow(why);
  });
});
