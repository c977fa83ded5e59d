import { once } from "node:events";
import type { Socket } from "node:net";
import { WebSocketError, WebSocketStream } from "@spillway/client";
import {
  BoundedQueue,
  keyframes,
  type OverflowPolicy,
  type SpillwayError,
} from "@spillway/streams";
import { isSettled, waitFor } from "@spillway/testing";
import { describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { connectTo, openPair, outcome, plainPair, readAll, serve } from "./support.ts";

describe("WebSocketStream with a server that knows no credits", () => {
  test("carries text as strings and binary as bytes, in order", async () => {
    const { readable, writable, peer } = await plainPair();
    peer.on("message", (data, isBinary) => peer.send(data as Buffer, { binary: isBinary }));
    const [writer, reader] = [writable.getWriter(), readable.getReader()];
    await writer.write("grüß 😀");
    await writer.write(new Uint8Array([1, 2, 3]).subarray(1));
    await writer.write(new Uint8Array([4]).buffer);
    expect((await reader.read()).value).toBe("grüß 😀");
    expect((await reader.read()).value).toEqual(new Uint8Array([2, 3]));
    expect((await reader.read()).value).toEqual(new Uint8Array([4]));
  });

  test("sends nothing that the application did not write", async () => {
    const { writable, peer, socket } = await plainPair();
    const received: string[] = [];
    peer.on("message", (data) => received.push((data as Buffer).toString()));
    const writer = writable.getWriter();
    await writer.write("\u0010V1,65536,64");
    await writer.close();
    await socket.closed;
    expect(received).toEqual(["\u0010V1,65536,64"]);
  });

  test("counts what comes, waits and leaves", async () => {
    const { socket, readable, writable, peer } = await plainPair();
    peer.send("äöü");
    peer.send(Buffer.alloc(10));
    await waitFor(() => socket.stats().receivedMessages === 2);
    expect(socket.stats()).toMatchObject({
      credits: "none",
      receivedBytes: 16,
      unreadMessages: 2,
      unreadBytes: 16,
    });
    await readable.getReader().read();
    await writable.getWriter().write("four");
    expect(socket.stats()).toMatchObject({ unreadBytes: 10, sentMessages: 1, sentBytes: 4 });
  });

  test("errors with what to do when too much waits unread", async () => {
    const { socket, readable, writable, peer } = await plainPair({ maxUnreadMessages: 3 });
    const closed = once(peer, "close");
    for (let index = 0; index < 4; index++) peer.send(`${index}`);
    expect(await outcome(writable.getWriter().closed)).toBe("SPW_ERR_OVERFLOW");
    const error = (await readable
      .getReader()
      .read()
      .catch((reason: unknown) => reason)) as SpillwayError;
    expect(error.code).toBe("SPW_ERR_OVERFLOW");
    expect(error.message).toContain("overflow");
    expect((await closed)[0]).toBe(4008);
    expect(await socket.closed).toMatchObject({ closeCode: 4008 });
    expect(socket.stats().dropped).toMatchObject({ chunks: 4 });
  });

  test("bounds the bytes as well, but takes one message of any size", async () => {
    const { socket, readable, peer } = await plainPair({ highWaterMark: 1000 });
    peer.send(Buffer.alloc(5000));
    await waitFor(() => socket.stats().unreadBytes === 5000);
    peer.send("more");
    expect(await socket.closed).toMatchObject({ closeCode: 4008 });
    expect(await outcome(readable.getReader().read())).toBe("SPW_ERR_OVERFLOW");
  });

  test("drops by policy, and counts", async () => {
    const { socket, readable, peer } = await plainPair({
      maxUnreadMessages: 2,
      overflow: "drop-oldest",
    });
    for (let index = 0; index < 10; index++) peer.send(`${index}`);
    await waitFor(() => socket.stats().receivedMessages === 10);
    peer.close();
    expect(await readAll(readable)).toEqual(["8", "9"]);
    expect(socket.stats().dropped).toEqual({
      chunks: 8,
      size: 8,
      reasons: { oldest: { chunks: 8, size: 8 } },
    });
  });

  test("drops by a queue of the user's, and counts", async () => {
    let now = 0;
    const isKey = (message: unknown): boolean => String(message).startsWith("key");
    const { socket, readable, peer } = await plainPair({
      maxUnreadMessages: 3,
      overflow: (bounds) =>
        new BoundedQueue({
          ...bounds,
          overflow: keyframes({ isKey }),
          maxAgeMs: 100,
          now: () => now,
        }),
    });
    for (const text of ["key 1", "delta", "delta", "delta", "delta"]) peer.send(text);
    await waitFor(() => socket.stats().receivedMessages === 5);
    now = 1000;
    for (const text of ["key 2", "delta 2"]) peer.send(text);
    await waitFor(() => socket.stats().receivedMessages === 7);
    peer.close();
    expect(await readAll(readable)).toEqual(["key 2", "delta 2"]);
    expect(socket.stats()).toMatchObject({ unreadMessages: 0, dropped: { chunks: 5 } });
  });

  test("ends when a queue of the user's would wait", async () => {
    const { socket, readable, peer } = await plainPair({
      maxUnreadMessages: 1,
      overflow: (bounds) => new BoundedQueue(bounds),
    });
    for (const text of ["one", "two"]) peer.send(text);
    expect(await socket.closed).toMatchObject({ closeCode: 4011 });
    expect(await outcome(readable.getReader().read())).toBe("SPW_ERR_OPTION");
  });

  test("ends with what a policy of the user's throws", async () => {
    const policy: OverflowPolicy<unknown> = {
      name: "broken",
      start: () => ({
        admit: () => {
          throw new Error("no");
        },
      }),
    };
    const { socket, readable, peer } = await plainPair({
      overflow: (bounds) => new BoundedQueue({ ...bounds, overflow: policy }),
    });
    peer.send("one");
    expect(await outcome(readable.getReader().read())).toBe("SPW_ERR_CHUNK");
    expect(await socket.closed).toMatchObject({ closeCode: 4011 });
  });

  test("holds a writer while the socket holds too much, and goes on", async () => {
    const { writable, peer, socket } = await plainPair();
    peer.pause();
    let bytes = 0;
    peer.on("message", (data) => {
      bytes += (data as Buffer).byteLength;
    });
    const writer = writable.getWriter();
    const chunk = new Uint8Array(65_536);
    let written = 0;
    let write = writer.write(chunk);
    // The kernel takes some megabytes first.
    while (await isSettled(write)) {
      written++;
      expect(written).toBeLessThan(1000);
      write = writer.write(chunk);
    }
    expect(socket.stats().bufferedAmount).toBeLessThan(262_144 + 2 * 65_536);
    // A producer that waits holds back before it makes more.
    expect(await isSettled(writer.ready)).toBe(false);
    peer.resume();
    await write;
    await writer.ready;
    await waitFor(() => bytes === (written + 1) * 65_536);
  });

  test("errors a writable whose producer never waits", async () => {
    const { writable, peer } = await plainPair({ maxQueuedBytes: 1_000_000 });
    peer.pause();
    const writer = writable.getWriter();
    for (let index = 0; index < 400; index++) {
      void writer.write(new Uint8Array(100_000));
    }
    expect(await outcome(writer.closed)).toBe("SPW_ERR_OVERFLOW");
  });

  test("refuses bytes that may change while they are sent", async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(8));
    const resizable = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]) as ArrayBuffer;
    for (const chunk of [shared, resizable, new Uint8Array(resizable)]) {
      const { writable } = await plainPair();
      const writer = writable.getWriter();
      expect(await outcome(writer.write(chunk))).toBe("TypeError");
      expect(await outcome(writer.closed)).toBe("TypeError");
    }
  });

  test("is not closed in order when messages did not leave", async () => {
    const { socket, writable, peer } = await plainPair();
    const raw = (peer as unknown as { _socket: Socket })._socket;
    peer.pause();
    const write = outcome(writable.getWriter().write(new Uint8Array(32 << 20)));
    peer.close(4567, "no more");
    // It has taken nothing of what was sent, and never will.
    raw.destroySoon();
    const error = (await socket.closed.catch((reason: unknown) => reason)) as WebSocketError;
    expect(error).toBeInstanceOf(WebSocketError);
    expect(await write).toBe("WebSocketError");
  });

  for (const end of ["close", "abort", "cancel", "terminate"] as const) {
    test(`settles a stalled write on ${end}`, async () => {
      const { socket, readable, writable, peer } = await plainPair();
      peer.pause();
      const writer = writable.getWriter();
      let write = writer.write(new Uint8Array(100_000));
      while (await isSettled(write)) write = writer.write(new Uint8Array(100_000));
      const [writeOutcome, next] = [outcome(write), outcome(writer.write("next"))];
      if (end === "close") socket.close();
      else if (end === "abort") void writer.abort(new Error("enough"));
      else if (end === "cancel") void readable.cancel();
      else peer.terminate();
      const errors = {
        close: "InvalidStateError",
        abort: "Error",
        cancel: "InvalidStateError",
        terminate: "WebSocketError",
      };
      // What was handed to the socket still leaves on close and on cancel.
      const isSent = end === "close" || end === "cancel";
      expect(await writeOutcome).toBe(isSent ? "resolved" : errors[end]);
      expect(await next).toBe(errors[end]);
      if (end !== "terminate") expect(await isSettled(socket.closed)).toBe(false);
      peer.resume();
      await outcome(socket.closed);
      expect(await isSettled(writer.closed)).toBe(true);
    });
  }

  test("rejects both promises when there is nobody", async () => {
    const socket = connectTo("ws://127.0.0.1:1");
    const opened = (await socket.opened.catch((error: unknown) => error)) as WebSocketError;
    const closed = (await socket.closed.catch((error: unknown) => error)) as WebSocketError;
    expect(opened).toBeInstanceOf(WebSocketError);
    expect([opened.closeCode, closed.closeCode]).toEqual([null, 1006]);
    expect(opened.cause).toMatchObject({ code: "ECONNREFUSED" });
  });

  test("gives up a server that does not answer, with the reason of the signal", async () => {
    const controller = new AbortController();
    const server = await serve({ verifyClient: () => controller.abort("waited long enough") });
    const socket = connectTo(server.url, { signal: controller.signal });
    expect(await socket.opened.catch((error: unknown) => error)).toBe("waited long enough");
    expect(await socket.closed.catch((error: unknown) => error)).toBe("waited long enough");
  });

  test("gives up a closing handshake that the peer does not take part in", async () => {
    const { socket, writable, peer } = await plainPair();
    peer.pause();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const closing = writable.getWriter().close();
      await vi.advanceTimersByTimeAsync(9_999);
      expect(await isSettled(closing)).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect(await outcome(closing)).toBe("WebSocketError");
      expect(await outcome(socket.closed)).toBe("WebSocketError");
    } finally {
      vi.useRealTimers();
    }
  });

  test("wants a constructor where the platform has none", () => {
    const hidden = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
    Reflect.deleteProperty(globalThis, "WebSocket");
    try {
      expect(() => new WebSocketStream("ws://127.0.0.1:1")).toThrow(/option WebSocket/u);
    } finally {
      if (hidden) Object.defineProperty(globalThis, "WebSocket", hidden);
    }
  });

  test("reads what came before the end", async () => {
    const server = await serve();
    const opening = openPair(server, { credits: "off" });
    const { readable, peer, socket } = await opening;
    for (let index = 0; index < 5; index++) peer.send(`${index}`);
    peer.close(4000, "done");
    expect(await socket.closed).toEqual({ closeCode: 4000, reason: "done" });
    expect(await readAll(readable)).toEqual(["0", "1", "2", "3", "4"]);
  });

  test("refuses options that are none", () => {
    const make = (options: object) => () =>
      new WebSocketStream("ws://127.0.0.1:1", { WebSocket, ...options });
    for (const options of [
      { credits: "yes" },
      { highWaterMark: 0 },
      { maxUnreadMessages: 1.5 },
      { overflow: "wait" },
      { overflow: "drop-all" },
      { overflow: () => undefined },
      { overflow: null },
      { signal: 5 },
      { protocols: "chat" },
      { WebSocket: 5 },
    ]) {
      expect(make(options)).toThrow();
    }
    // It needs a queue to work on.
    expect(make({ overflow: keyframes({ isKey: () => true }) })).toThrow("makes a BoundedQueue");
  });
});
