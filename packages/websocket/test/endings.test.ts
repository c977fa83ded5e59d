import { SpillwayError } from "@spillway/streams";
import { waitFor } from "@spillway/testing";
import { connectPeer } from "@spillway/testing/node";
import { describe, expect, test } from "vitest";
import { outcome, serve } from "./support.ts";

async function stalled() {
  const server = await serve({ window: 65_536, closeTimeoutMs: 300 });
  const peer = await connectPeer(server.url, { read: "never" });
  const connection = await server.next();
  const writer = connection.writable.getWriter();
  const writes = [1, 2, 3].map(() => outcome(writer.write(new Uint8Array(200_000))));
  await waitFor(() => connection.stats().stalledForMs > 50, { message: "the stall" });
  return { peer, connection, writer, writes };
}

describe("how a connection ends", () => {
  test("the peer's Close: readable closes behind its messages, writable errors, clean", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const { signal } = connection;
    await peer.send("one");
    await peer.send("two");
    peer.close(4001, "bye");
    expect(await connection.closed).toEqual({ closeCode: 4001, reason: "bye", wasClean: true });
    const messages = [];
    for await (const message of connection.readable) messages.push(message);
    expect(messages).toEqual(["one", "two"]);
    const writer = connection.writable.getWriter();
    expect(await outcome(writer.write("late"))).toBe("SPW_ERR_CLOSED");
    expect(await writer.closed.catch((error: unknown) => error)).toBe(signal.reason);
  });

  test("a reset: both streams error with the same error, unclean", async () => {
    const { peer, connection, writer, writes } = await stalled();
    const reading = connection.readable.getReader().read();
    peer.reset();
    expect(await connection.closed).toMatchObject({ closeCode: 1006, wasClean: false });
    const error = connection.signal.reason as SpillwayError;
    expect(error.code).toBe("SPW_ERR_RESET");
    expect(await reading.catch((reason: unknown) => reason)).toBe(error);
    expect(await writer.closed.catch((reason: unknown) => reason)).toBe(error);
    expect(await Promise.all(writes)).toEqual(Array(3).fill("SPW_ERR_RESET"));
  });

  test("writer.close(): flushes, sends 1000, the readable goes on until the peer's Close", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const writer = connection.writable.getWriter();
    const big = "x".repeat(150_000);
    void writer.write(big);
    const closing = writer.close();
    const reading = connection.readable.getReader().read();
    const received = peer.collect(1);
    peer.thaw();
    await peer.send("still heard");
    expect((await received)[0]).toBe(big);
    expect(await reading).toEqual({ value: "still heard", done: false });
    await closing;
    const late = writer.write("late");
    await expect(late).rejects.toThrow();
    expect(await connection.closed).toEqual({ closeCode: 1000, reason: "", wasClean: true });
    expect(await peer.closed).toMatchObject({ closeCode: 1000 });
  });

  test("writer.close() to a peer that never reads ends within closeTimeoutMs", async () => {
    const { connection, writer, writes } = await stalled();
    expect(await outcome(writer.close())).toBe("SPW_ERR_TIMEOUT");
    expect(await connection.closed).toMatchObject({ wasClean: false });
    expect((await Promise.all(writes)).at(-1)).toBe("SPW_ERR_TIMEOUT");
  });

  test("writer.abort(): drops the queue and rejects the write in flight at once, 1011", async () => {
    const { connection, writer, writes } = await stalled();
    const reason = new Error("encoder failed");
    const aborted = writer.abort(reason);
    const reading = connection.readable.getReader().read();
    expect(await Promise.all(writes)).not.toContain("resolved");
    await aborted;
    const error = await reading.catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: "SPW_ERR_ABORTED", cause: reason });
    expect(connection.stats()).toMatchObject({ queuedBytes: 0 });
    expect(await connection.closed).toMatchObject({ closeCode: 1011 });
  });

  test("readable.cancel(): the rest is discarded and counted, the writable goes on", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    await peer.send("queued");
    await waitFor(() => connection.stats().receivedMessages === 1, { message: "a message" });
    await connection.readable.cancel();
    await peer.send("more");
    await waitFor(() => connection.stats().receivedMessages === 2, { message: "another" });
    expect(connection.stats().dropped.reasons).toEqual({
      cancelled: { chunks: 1, size: 8 },
      unread: { chunks: 1, size: 6 },
    });
    const received = peer.collect(1);
    await connection.writable.getWriter().write("still here");
    expect(await received).toEqual(["still here"]);
  });

  test("close({ drain: 'discard' }) drops what waits and frees a stalled pipe at once", async () => {
    const server = await serve({ window: 65_536 });
    await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(50_000)),
    });
    const piping = outcome(source.pipeTo(connection.writable));
    await waitFor(() => connection.stats().stalledForMs > 50, { message: "the stall" });
    connection.close({ closeCode: 1001, drain: "discard", deadlineMs: 200 });
    expect(await piping).toBe("SPW_ERR_CLOSED");
    expect(await connection.closed).toMatchObject({ closeCode: 1001, wasClean: false });
  });

  test("every write settles when the socket goes, whether its turn had come or not", async () => {
    const server = await serve({ window: 65_536 });
    await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const writers = [connection.writable, connection.lane(), connection.lane()].map((stream) =>
      stream.getWriter(),
    );
    while (connection.send(new Uint8Array(1_000)));
    const writes = writers.map((writer) => outcome(writer.write(new Uint8Array(1_000))));
    await waitFor(() => connection.stats().stalledForMs > 50, { message: "the stall" });
    connection.terminate();
    expect(await Promise.all(writes)).toEqual(Array(3).fill("SPW_ERR_ABORTED"));
    expect(connection.stats().dropped.reasons["closed"]).toEqual({ chunks: 3, size: 3_012 });
  });

  test("fail() errors everything with the error given, and tells the peer its code", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const error = new SpillwayError("SPW_ERR_SLOW_CONSUMER", "Cannot keep slow consumer");
    const reading = connection.readable.getReader().read();
    connection.fail(error);
    expect(await reading.catch((failure: unknown) => failure)).toBe(error);
    expect(connection.signal.reason).toBe(error);
    expect(await peer.closed).toMatchObject({ closeCode: 1013, reason: error.message });
    expect(connection.send("sticky")).toBe(false);
    expect(connection.state).toBe("dead");
  });

  test("a stalled peer is dropped a second after fail(), Close frame read or not", async () => {
    const { connection, writes } = await stalled();
    connection.fail(new SpillwayError("SPW_ERR_SLOW_CONSUMER", "Cannot keep slow consumer"));
    expect(await Promise.all(writes)).toEqual(Array(3).fill("SPW_ERR_SLOW_CONSUMER"));
    expect(await connection.closed).toMatchObject({ closeCode: 1013, wasClean: false });
  });

  test("a second close() may only bring the end nearer", async () => {
    const { connection } = await stalled();
    connection.close({ deadlineMs: 60_000 });
    const started = performance.now();
    connection.close({ deadlineMs: 100 });
    expect(await connection.closed).toMatchObject({ wasClean: false });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test("nothing follows a Close that came in one packet with a message", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const writer = connection.writable.getWriter();
    const replies: unknown[] = [];
    peer.onMessage((data) => replies.push(data));
    const reading = connection.readable.getReader().read();
    void peer.send("question");
    peer.close(1000);
    await reading;
    await connection.closed;
    expect(await outcome(writer.write("answer"))).toBe("SPW_ERR_CLOSED");
    expect(replies).toEqual([]);
  });

  test("options out of range are refused", async () => {
    const server = await serve();
    await connectPeer(server.url);
    const connection = await server.next();
    const coded = expect.objectContaining({ code: "SPW_ERR_OPTION" });
    expect(() => connection.close({ closeCode: 1006 })).toThrow(coded);
    expect(() => connection.close({ reason: "x".repeat(124) })).toThrow(coded);
    expect(() => connection.close({ deadlineMs: -1 })).toThrow(coded);
    expect(() => connection.lane({ priority: Number.NaN })).toThrow(coded);
  });
});
