import { bounded, broadcast } from "@spillway/streams";
import { isSettled, waitFor } from "@spillway/testing";
import { connectPeer } from "@spillway/testing/node";
import { describe, expect, test } from "vitest";
import { outcome, serve } from "./support.ts";

const HIGH_WATER_MARK = 65_536;
const FLUSH_BATCH = 65_536;

describe("connection.writable and a peer that never reads", () => {
  test.each([0, 250, 10_000, 300_000])(
    "holds the invariant for a producer that awaits ready, chunks of %i bytes",
    async (size) => {
      const server = await serve({ window: 65_536 });
      const peer = await connectPeer(server.url, { read: "never" });
      const connection = await server.next();
      const writer = connection.writable.getWriter();
      const bound = HIGH_WATER_MARK + FLUSH_BATCH + size + 14;
      let written = 0;
      let held = 0;
      const producing = (async () => {
        for (;;) {
          await writer.ready;
          void writer.write(new Uint8Array(size));
          written++;
          const { queuedBytes, bufferedBytes, inFlightBytes = 0 } = connection.stats();
          held = Math.max(held, queuedBytes + bufferedBytes);
          expect(inFlightBytes).toBeLessThanOrEqual(65_536 + FLUSH_BATCH);
        }
      })();

      await waitFor(() => connection.stats().stalledForMs > 200, { message: "the stall" });
      expect(written).toBeGreaterThan(0);
      expect(held).toBeGreaterThan(0);
      expect(held).toBeLessThanOrEqual(bound);
      expect(await isSettled(producing)).toBe(false);
      connection.terminate();
      expect(await outcome(producing)).toBe("SPW_ERR_ABORTED");
      peer.vanish();
    },
  );

  test("holds the invariant for a pipe, and for what the kernel takes without a window", async () => {
    const server = await serve({ window: false });
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    let pulled = 0;
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 100_000;
        controller.enqueue(new Uint8Array(100_000));
      },
    });
    const piping = outcome(source.pipeTo(connection.writable));

    await waitFor(() => connection.stats().stalledForMs > 300, { message: "the stall" });
    const { queuedBytes, bufferedBytes, sentBytes } = connection.stats();
    expect(queuedBytes + bufferedBytes).toBeLessThanOrEqual(
      HIGH_WATER_MARK + FLUSH_BATCH + 100_010,
    );
    expect(pulled - sentBytes).toBeLessThanOrEqual(300_000);
    connection.terminate();
    expect(await piping).toBe("SPW_ERR_ABORTED");
    peer.vanish();
  });

  test("ends a producer that does not await with SPW_ERR_OVERFLOW and 1011", async () => {
    const server = await serve();
    await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const writer = connection.writable.getWriter();
    const writes = Array.from({ length: 200 }, () => outcome(writer.write(new Uint8Array(50_000))));
    const outcomes = await Promise.all(writes);

    expect(outcomes.at(-1)).toBe("SPW_ERR_OVERFLOW");
    expect(await connection.closed).toMatchObject({ closeCode: 1011, wasClean: false });
    const { queuedBytes, dropped } = connection.stats();
    expect(queuedBytes).toBe(0);
    expect(dropped.reasons["closed"]?.chunks).toBeGreaterThan(0);
  });

  test("does the same for a native writer, which knows nothing of the account", async () => {
    const server = await serve();
    await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const writer = new WritableStreamDefaultWriter(connection.writable);
    const writes = Array.from({ length: 200 }, () => outcome(writer.write(new Uint8Array(50_000))));
    expect((await Promise.all(writes)).at(-1)).toBe("SPW_ERR_OVERFLOW");
    expect(await outcome(writer.closed)).toBe("SPW_ERR_OVERFLOW");
  });

  test("refuses nobody who minds ready, whatever other lanes write meanwhile", async () => {
    const server = await serve({ window: 65_536 });
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const writers = Array.from({ length: 5 }, () => connection.lane().getWriter());
    await writers[0]?.write(new Uint8Array(65_536));
    const written = writers.map(async (writer) => {
      await writer.ready;
      await writer.write(new Uint8Array(1_000_000));
    });
    await waitFor(() => connection.stats().stalledForMs > 20, { message: "the stall" });
    peer.thaw();
    await Promise.all(written);
    expect(connection.stats().sentMessages).toBe(6);
  });

  test("counts empty messages", async () => {
    const server = await serve({ window: 65_536 });
    await connectPeer(server.url);
    const connection = await server.next();
    const writer = connection.writable.getWriter();
    const before = writer.desiredSize;
    void writer.write("");
    expect(before).toBe(65_536);
    expect(writer.desiredSize).toBe(65_534);
  });

  test("lets a stage above decide what is dropped", async () => {
    const server = await serve({ window: 65_536 });
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const numbers = broadcast<Uint8Array>({ capacity: { chunks: 64 } });
    const piping = outcome(
      numbers
        .subscribe({ onDrop: connection.recordDrop })
        .pipeThrough(bounded({ overflow: "latest", onDrop: connection.recordDrop }))
        .pipeTo(connection.writable),
    );
    let published = 0;
    await waitFor(
      () => {
        numbers.publish(new Uint8Array(new Uint32Array(2_500).fill(published++).buffer));
        return connection.stats().dropped.chunks > 200;
      },
      { message: "drops" },
    );
    const last = published - 1;
    let received = -1;
    peer.onMessage((data) => {
      received = new Uint32Array((data as Uint8Array).slice().buffer)[0] ?? -1;
    });
    peer.thaw();
    await waitFor(() => received === last, { message: "the newest chunk" });
    const { sentMessages, dropped } = connection.stats();
    expect(sentMessages + dropped.chunks).toBe(published);
    numbers.close();
    expect(await piping).toBe("resolved");
  });
});

describe("writer", () => {
  test("does not end the process when a loop awaits only ready and the peer leaves", async () => {
    const server = await serve({ window: 65_536 });
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const writer = connection.writable.getWriter();
    const producing = (async () => {
      for (;;) {
        await writer.ready;
        void writer.write(new Uint8Array(30_000));
      }
    })();
    await waitFor(() => connection.stats().stalledForMs > 50, { message: "the stall" });
    peer.reset();
    expect(await outcome(producing)).toBe("SPW_ERR_RESET");
    expect(writer.desiredSize).toBeNull();
    expect(await outcome(writer.closed)).toBe("SPW_ERR_RESET");
  });

  test("passes for a native stream and writer", async () => {
    const server = await serve();
    await connectPeer(server.url);
    const connection = await server.next();
    expect(connection.writable).toBeInstanceOf(WritableStream);
    expect(connection.readable).toBeInstanceOf(ReadableStream);
    const writer = connection.writable.getWriter();
    expect(writer).toBeInstanceOf(WritableStreamDefaultWriter);
    expect(connection.writable.locked).toBe(true);
    writer.releaseLock();
    expect(connection.writable.locked).toBe(false);
    expect(await writer.ready.catch((error: unknown) => error)).toBeInstanceOf(TypeError);
  });

  test("refuses what is no message with SPW_ERR_CHUNK and 1011", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const writer = connection.writable.getWriter();
    expect(await outcome(writer.write(42 as unknown as string))).toBe("SPW_ERR_CHUNK");
    expect(await peer.closed).toMatchObject({ closeCode: 1011 });
    expect(() => connection.send({} as unknown as string)).toThrow(/want a string/u);
  });
});

describe("send()", () => {
  test("takes messages while there is room, then refuses and counts", async () => {
    const server = await serve({ window: 65_536 });
    await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    let taken = 0;
    while (connection.send(new Uint8Array(1_000))) taken++;
    expect(taken).toBeGreaterThanOrEqual(65);
    expect(taken).toBeLessThanOrEqual(66);
    expect(connection.stats().dropped.reasons).toEqual({ refused: { chunks: 1, size: 1_004 } });
    connection.terminate();
    expect(connection.send("late")).toBe(false);
  });
});
