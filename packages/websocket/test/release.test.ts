import { bounded, broadcast, fromIterable } from "@spillway/streams";
import { settle, waitFor } from "@spillway/testing";
import { connectPeer } from "@spillway/testing/node";
import { type Connection, type Frame, frame } from "@spillway/websocket";
import { describe, expect, test, vi } from "vitest";
import { outcome, serve } from "./support.ts";

const LARGE = 100_000;

function leased(bytes: number): { chunk: Frame; release: ReturnType<typeof vi.fn<() => void>> } {
  const release = vi.fn<() => void>();
  return { chunk: frame(new Uint8Array(bytes), { release }), release };
}

describe("a frame with release", () => {
  test.each([0, 100, LARGE, 1_000_000])(
    "of %i bytes comes back once it is taken",
    async (bytes) => {
      const server = await serve();
      const peer = await connectPeer(server.url);
      const connection = await server.next();
      const received = peer.collect(3);
      const writer = connection.writable.getWriter();
      const ways = [leased(bytes), leased(bytes), leased(bytes)] as const;
      await writer.write(ways[0].chunk);
      writer.releaseLock();
      await fromIterable([ways[1].chunk]).pipeTo(connection.writable, {
        preventClose: true,
      });
      const foreign = new ReadableStream<Frame>({
        start(controller) {
          controller.enqueue(ways[2].chunk);
          controller.close();
        },
      });
      await foreign.pipeTo(connection.writable, { preventClose: true });
      await received;
      for (const { release } of ways) await waitFor(() => release.mock.calls.length === 1);
      await settle();
      for (const { release } of ways) expect(release).toHaveBeenCalledOnce();
    },
  );

  test("comes back when the last of several connections is through", async () => {
    const server = await serve({ window: false });
    const peers = [await connectPeer(server.url), await connectPeer(server.url, { read: "never" })];
    const [fast, slow] = [await server.next(), await server.next()];
    const stuffing = slow.writable.getWriter();
    while ((stuffing.desiredSize ?? 0) > 0) {
      void stuffing.write(new Uint8Array(LARGE));
      await settle();
    }
    const { chunk, release } = leased(LARGE);
    const received = peers[0]?.collect(1);
    void fast.writable.getWriter().write(chunk);
    void stuffing.write(chunk);
    await received;
    await settle();
    expect(release).not.toHaveBeenCalled();
    peers[1]?.thaw();
    await waitFor(() => release.mock.calls.length === 1);
  }, 20_000);

  test.each<[string, (connection: Connection) => void, boolean]>([
    ["terminated", (connection) => connection.terminate(), true],
    ["closed without a flush", (connection) => connection.close({ drain: "discard" }), true],
    [
      "aborted",
      (connection) => connection.writable.abort(new Error("over")).catch(() => {}),
      false,
    ],
  ])(
    "comes back from wherever it is when the connection is %s",
    async (_, end, locks) => {
      const server = await serve({ window: false, maxQueuedBytes: 64 << 20, closeTimeoutMs: 500 });
      const peer = await connectPeer(server.url, { read: "never" });
      const connection = await server.next();
      const frames = Array.from({ length: 100 }, () => leased(LARGE));
      const writer = connection.writable.getWriter();
      for (const { chunk } of frames) {
        void writer.write(chunk);
        await settle();
      }
      const back = (): number =>
        frames.filter(({ release }) => release.mock.calls.length > 0).length;
      expect(back()).toBeLessThan(100);
      if (!locks) writer.releaseLock();
      end(connection);
      // Deadlines of the closing handshake come first.
      await waitFor(() => back() === 100, { timeoutMs: 15_000 });
      for (const { release } of frames) expect(release).toHaveBeenCalledOnce();
      peer.vanish();
    },
    30_000,
  );

  test("comes back when nobody takes it", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const writer = connection.writable.getWriter();
    while (connection.send(new Uint8Array(LARGE))) await settle();
    const refused = leased(LARGE);
    expect(connection.send(refused.chunk)).toBe(false);
    expect(refused.release).toHaveBeenCalledOnce();
    connection.terminate();
    const late = leased(10);
    expect(await outcome(writer.write(late.chunk))).toBe("SPW_ERR_ABORTED");
    expect(late.release).toHaveBeenCalledOnce();
    peer.vanish();
  });

  test("comes back from a stage that drops it and bills the connection", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const { readable, writable } = bounded<Frame>({
      highWaterMark: 1,
      overflow: "drop-oldest",
      onDrop: connection.recordDrop,
    });
    const frames = [leased(10), leased(10), leased(10)];
    const writer = writable.getWriter();
    for (const { chunk } of frames) void writer.write(chunk);
    await settle();
    expect(frames.map(({ release }) => release.mock.calls.length)).toEqual([1, 1, 0]);
    void readable.pipeTo(connection.writable).catch(() => {});
    await peer.collect(1);
    await waitFor(() => frames[2]?.release.mock.calls.length === 1);
    expect(connection.stats().dropped.chunks).toBe(2);
  });

  test("cannot be sent again", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const { chunk, release } = leased(10);
    expect(connection.send(chunk)).toBe(true);
    await peer.collect(1);
    await waitFor(() => release.mock.calls.length === 1);
    expect(() => connection.send(chunk)).toThrow(/its buffer was released/);
    const writer = connection.writable.getWriter();
    expect(await outcome(writer.write(chunk))).toBe("SPW_ERR_CHUNK");
    expect(await peer.closed).toMatchObject({ closeCode: 1011 });
    expect(release).toHaveBeenCalledOnce();
  });

  test("is reported as uncaught when release throws, and nobody is harmed", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const caught: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => caught.push(error));
    try {
      const release = (): void => {
        throw new Error("not mine");
      };
      const received = peer.collect(2);
      connection.send(frame("one", { release }));
      connection.send("two");
      expect(await received).toEqual(["one", "two"]);
      await waitFor(() => caught.length === 1);
      expect(caught[0]).toMatchObject({ message: "not mine" });
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
  });

  test("that comes too late, from a hub, is refused and not sent as something else", async () => {
    const server = await serve();
    const peers = [await connectPeer(server.url), await connectPeer(server.url)];
    const [first, second] = [await server.next(), await server.next()];
    const hub = broadcast<Frame>({ retain: "last" });
    void hub
      .subscribe()
      .pipeTo(first.writable)
      .catch(() => {});
    const { chunk, release } = leased(10);
    hub.publish(chunk);
    await peers[0]?.collect(1);
    await waitFor(() => release.mock.calls.length === 1);
    const piped = outcome(hub.subscribe().pipeTo(second.writable));
    expect(await piped).toBe("SPW_ERR_CHUNK");
  });
});

describe("frame options", () => {
  test.each<[string, object]>([
    ["type", { type: "json" }],
    ["compress", { compress: 1 }],
    ["release", { release: true }],
  ])("refuses a wrong %s", (name, options) => {
    const make = (): unknown => frame("text", options);
    expect(make).toThrow(expect.objectContaining({ code: "SPW_ERR_OPTION" }) as Error);
    expect(make).toThrow(name);
  });
});
