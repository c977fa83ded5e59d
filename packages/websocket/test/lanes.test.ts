import { createHash } from "node:crypto";
import { fromIterable } from "@spillway/streams";
import { waitFor } from "@spillway/testing";
import { connectPeer } from "@spillway/testing/node";
import { describe, expect, test } from "vitest";
import { outcome, serve } from "./support.ts";

describe("lane()", () => {
  test("sends beside a pipe that holds the writable", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    void outcome(connection.readable.pipeTo(connection.writable));
    const lane = connection.lane({ priority: 1 }).getWriter();
    const received = peer.collect(1);
    await lane.write("beside");
    expect(await received).toEqual(["beside"]);
    await lane.close();
    expect(connection.state).toBe("healthy");
  });

  const text = (priority: number): string => `${priority}`.repeat(4_000);
  const ways: readonly [string, (lane: WritableStream, priority: number) => Promise<void>][] = [
    [
      "writers",
      async (lane, priority) => {
        const writer = lane.getWriter();
        for (let count = 0; count < 100; count++) await writer.write(text(priority));
      },
    ],
    [
      "pipes",
      (lane, priority) =>
        fromIterable(Array.from({ length: 100 }, () => text(priority))).pipeTo(lane),
    ],
  ];

  test.each(ways)("prefers the higher priority and starves nobody, with %s", async (_, write) => {
    const server = await serve({ window: 16_384, highWaterMark: 8_192 });
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const writing = [0, 1].map((priority) => write(connection.lane({ priority }), priority));
    await waitFor(() => connection.stats().stalledForMs > 20, { message: "the stall" });
    const order: string[] = [];
    peer.onMessage((data) => order.push((data as string).slice(0, 1)));
    peer.thaw();
    await Promise.all(writing);
    await waitFor(() => order.length === 200, { message: "200 messages" });
    const middle = (lane: string): number => {
      const places = order.flatMap((one, place) => (one === lane ? [place] : []));
      return places[50] ?? Number.NaN;
    };
    expect(middle("1")).toBeLessThan(middle("0"));
    expect(order.slice(0, 100)).toContain("0");
  });

  test("aborting a lane ends that lane alone, its message in pieces included", async () => {
    const server = await serve({ window: 65_536 });
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const doomed = connection.lane().getWriter();
    const other = connection.lane().getWriter();
    const writes = [1, 2].map(() => outcome(doomed.write(new Uint8Array(500_000))));
    await waitFor(() => connection.stats().sentBytes > 0, { message: "the first piece" });
    const kept = other.write("kept");
    await waitFor(() => connection.stats().stalledForMs > 20, { message: "the stall" });
    await doomed.abort(new Error("gone"));
    expect(await Promise.all(writes)).not.toContain("resolved");
    const received = peer.collect(2);
    peer.thaw();
    const [begun, next] = await received;
    expect((begun as Uint8Array).byteLength).toBe(500_000);
    expect(next).toBe("kept");
    await kept;
    expect(connection.stats().queuedBytes).toBe(0);
  });

  test("tells how the connection does, where the peer does not tell lanes apart", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const lane = connection.lane({ name: "film" });
    const received = peer.collect(1);
    await lane.getWriter().write("film");
    await received;
    const { congestion, sentBytes, state } = connection.stats();
    expect(lane.stats()).toMatchObject({ name: "", congestion, sentBytes, state });
    peer.reset();
    await connection.closed;
    expect(lane.stats().state).toBe("dead");
    for await (const bitrate of lane.targetBitrate) expect(bitrate).toBeUndefined();
  });

  test("after the connection's end is an errored stream", async () => {
    const server = await serve();
    await connectPeer(server.url);
    const connection = await server.next();
    connection.terminate();
    await connection.closed;
    expect(await outcome(connection.lane().getWriter().write("late"))).toBe("SPW_ERR_ABORTED");
  });
});

describe("order and integrity", () => {
  test("messages of 0 B to 300 KB arrive complete, in order and unchanged at a slow peer", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url, { read: { bytesPerSecond: 8 << 20 } });
    const connection = await server.next();
    const sent = createHash("sha256");
    const got = createHash("sha256");
    let messages = 0;
    peer.onMessage((data) => {
      got.update(typeof data === "string" ? `t${data}` : data);
      messages++;
    });
    const writer = connection.writable.getWriter();
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    const total = 200;
    for (let count = 0; count < total; count++) {
      const size = count % 5 === 0 ? random(300_000) : random(3_000);
      await writer.ready;
      if (random(2) === 0) {
        const text = "é".repeat(size / 2);
        sent.update(`t${text}`);
        void writer.write(text);
      } else {
        const bytes = new Uint8Array(size).fill(count);
        sent.update(bytes);
        void writer.write(bytes);
      }
    }
    await writer.close();
    expect(messages).toBe(total);
    expect(got.digest("hex")).toBe(sent.digest("hex"));
  }, 30_000);
});
