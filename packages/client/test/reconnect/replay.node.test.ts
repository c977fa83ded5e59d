import type { ReconnectingWebSocketStream } from "@spillway/client";
import { isSettled, settle, waitFor } from "@spillway/testing";
import type { Connection } from "@spillway/websocket";
import { afterEach, describe, expect, test, vi } from "vitest";
import { outcome } from "../support.ts";
import { Accepting, agrees, comeBack, opens, QUICK, Restarting } from "./support.ts";

/** One that reads only what it is told to. */
async function serveAndOpen(
  replayBytes: number,
): Promise<{ server: Accepting; socket: ReconnectingWebSocketStream; write: Write }> {
  const server = await new Accepting().start();
  const socket = comeBack(server.url, { reconnect: { ...QUICK, replayBytes } });
  const { writable } = await socket.opened;
  await agrees(socket);
  const writer = writable.getWriter();
  return {
    server,
    socket,
    write: async (...messages) => {
      for (const message of messages) await writer.write(message);
    },
  };
}

type Write = (...messages: (string | Uint8Array)[]) => Promise<void>;

async function read(connection: Connection | undefined, messages: number): Promise<unknown[]> {
  const reader = (connection as Connection).readable.getReader();
  const seen: unknown[] = [];
  for (let index = 0; index < messages; index++) seen.push((await reader.read()).value);
  reader.releaseLock();
  return seen;
}

describe("what is written and was not read when a connection is lost", () => {
  test("is lost and counted", async () => {
    const { server, socket, write } = await serveAndOpen(0);
    await write("one", "two", "three");
    const [connection] = server.connections;
    expect(await read(connection, 1)).toEqual(["one"]);
    // The answer tells of everything before the question, and that was behind the first.
    await waitFor(() => connection?.stats().receivedMessages === 3);
    await settle();
    connection?.terminate();
    await opens(socket, 2);
    await write("four");
    expect(await read(server.connections[1], 1)).toEqual(["four"]);
    expect(socket.stats().lostMessages).toBe(2);
    expect(socket.stats().replayedMessages).toBe(0);
  });

  test("is nothing if the server has read it all", async () => {
    const { server, socket, write } = await serveAndOpen(1000);
    await write("one", "two", "three");
    await read(server.connections[0], 3);
    await write("four");
    await read(server.connections[0], 1);
    await waitFor(() => socket.stats().unreadMessagesByServer === 0);
    server.connections[0]?.terminate();
    await opens(socket, 2);
    expect(socket.stats()).toMatchObject({ lostMessages: 0, replayedMessages: 0 });
  });

  test("is sent again, in order and before anything new", async () => {
    const { server, socket, write } = await serveAndOpen(1000);
    await write("one", "two", "", new Uint8Array([1]), "\u0010x");
    const [connection] = server.connections;
    await read(connection, 1);
    await waitFor(() => connection?.stats().receivedMessages === 5);
    await settle();
    connection?.terminate();
    await waitFor(() => socket.state.status !== "open");
    await write("new");
    const again = ["two", "", new Uint8Array([1]), "\u0010x", "new"];
    await opens(socket, 2);
    expect(await read(server.connections[1], 5)).toEqual(again);
    expect(socket.stats()).toMatchObject({ lostMessages: 0, replayedMessages: 4 });
  });

  test("is sent again up to a bound: the oldest is lost first", async () => {
    const { server, socket, write } = await serveAndOpen(9);
    await write("aaaa", "bbbb", "cccc", "dddd");
    server.connections[0]?.terminate();
    await opens(socket, 2);
    expect(await read(server.connections[1], 2)).toEqual(["cccc", "dddd"]);
    expect(socket.stats()).toMatchObject({ lostMessages: 2, replayedMessages: 2 });
    await write("too long to keep");
    server.connections[1]?.terminate();
    await opens(socket, 3);
    await write("next");
    expect(await read(server.connections[2], 1)).toEqual(["next"]);
    expect(socket.stats().lostMessages).toBe(3);
  });

  test("is what it was when it was written", async () => {
    const { server, socket, write } = await serveAndOpen(1000);
    const [bytes, view] = [new Uint8Array([1, 2]), new Uint8Array([0, 3, 4]).subarray(1)];
    await write(bytes, view);
    bytes.fill(9);
    view.fill(9);
    server.connections[0]?.terminate();
    await opens(socket, 2);
    expect(await read(server.connections[1], 2)).toEqual([
      new Uint8Array([1, 2]),
      new Uint8Array([3, 4]),
    ]);
  });

  test("leaves before the stream is closed", async () => {
    const server = await new Accepting().start();
    const socket = comeBack(server.url, { reconnect: { firstDelayMs: 100, replayBytes: 1000 } });
    const writer = (await socket.opened).writable.getWriter();
    await agrees(socket);
    await writer.write("one");
    server.connections[0]?.terminate();
    await waitFor(() => socket.state.status === "waiting");
    const closed = writer.close();
    expect(await isSettled(closed)).toBe(false);
    await waitFor(() => server.connections.length === 2);
    expect(await read(server.connections[1], 1)).toEqual(["one"]);
    await closed;
  });

  test("is lost if the stream is closed before it can be sent again", async () => {
    const server = await new Accepting().start();
    const socket = comeBack(server.url, {
      reconnect: { firstDelayMs: 1e6, maxDelayMs: 1e6, replayBytes: 9 },
    });
    const writer = (await socket.opened).writable.getWriter();
    await agrees(socket);
    await writer.write("one");
    await server.stop();
    await waitFor(() => socket.state.status === "waiting");
    expect(socket.stats().lostMessages).toBe(0);
    const closing = outcome(writer.close());
    socket.close();
    expect(await closing).toBe("resolved");
    expect(socket.stats().lostMessages).toBe(1);
  });

  test("cannot be told of a server without credits", async () => {
    const server = await new Restarting({ handleProtocols: () => false }).start();
    const socket = comeBack(server.url, {
      credits: "off",
      reconnect: { ...QUICK, replayBytes: 1000 },
    });
    const writer = (await socket.opened).writable.getWriter();
    await writer.write("one");
    (await server.socket(0)).terminate();
    await opens(socket, 2);
    const peer = await server.socket(1);
    const received: string[] = [];
    peer.on("message", (data) => received.push((data as Buffer).toString()));
    await writer.write("two");
    await waitFor(() => received.length > 0);
    expect(received).toEqual(["two"]);
    expect(socket.stats()).toMatchObject({ lostMessages: 0, replayedMessages: 0 });
  });

  test("arrives at least once, whatever is read and lost, and in order on each connection", async () => {
    const { server, socket, write } = await serveAndOpen(10_000_000);
    const TOTAL = 1500;
    const writing = (async () => {
      for (let index = 0; index < TOTAL; index++) await write(`${index}`.padEnd(300));
    })();
    const seen = new Set<number>();
    for (let connection = 0; seen.size < TOTAL; connection++) {
      expect(connection).toBeLessThan(100);
      await waitFor(() => server.connections.length > connection);
      const reader = (server.connections[connection] as Connection).readable.getReader();
      let last = -1;
      // Some of them end within what is sent again, and what is sent again is more than the credit.
      const most = connection % 3 === 0 ? 5 : 333;
      for (let index = 0; index < most && seen.size < TOTAL; index++) {
        const number = Number((await reader.read()).value);
        if (last >= 0) expect(number).toBe(last + 1);
        last = number;
        seen.add(number);
      }
      if (seen.size < TOTAL) server.connections[connection]?.terminate();
    }
    await writing;
    const { lostMessages, replayedMessages } = socket.stats();
    expect(lostMessages).toBe(0);
    expect(replayedMessages).toBeGreaterThan(0);
  });

  test("is not what no socket has taken: that waits for the next one", async () => {
    const { server, socket, write } = await serveAndOpen(0);
    const TOTAL = 200;
    let written = 0;
    const writing = (async () => {
      for (; written < TOTAL; written++) await write(`${written}`.padEnd(1024));
    })();
    // The credit is 64 KiB.
    await waitFor(() => written === 63);
    await settle();
    server.connections[0]?.terminate();
    await opens(socket, 2);
    // The 64th was handed to the first socket, but left no room for another.
    const rest = await read(server.connections[1], TOTAL - 64);
    expect(rest.map(Number)).toEqual(Array.from({ length: TOTAL - 64 }, (_, index) => index + 64));
    await writing;
    expect(socket.stats().lostMessages).toBe(64);
  });
});

/** A server that takes everything and says nothing but its hello, and what it is told to. */
async function silent(): Promise<{ server: Restarting; socket: ReconnectingWebSocketStream }> {
  const server = await new Restarting().start();
  server.onSocket = (socket) => socket.send("\u0010V1,65536,64");
  const socket = comeBack(server.url);
  await agrees(socket);
  return { server, socket };
}

describe("a connection that may be gone", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test("is given up if the server says nothing when it is asked", async () => {
    const { server, socket } = await silent();
    const heard: string[] = [];
    (await server.socket(0)).on("message", (data) => heard.push((data as Buffer).toString()));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    socket.reconnect();
    socket.reconnect();
    await vi.advanceTimersByTimeAsync(4_999);
    expect(socket.state.status).toBe("open");
    await vi.advanceTimersByTimeAsync(1);
    expect(socket.state.status).toBe("waiting");
    await vi.advanceTimersByTimeAsync(10);
    vi.useRealTimers();
    await opens(socket, 2);
    expect(heard.filter((text) => text === "\u0010Q")).toHaveLength(1);
  });

  test("stays if the server says anything", async () => {
    const { server, socket } = await silent();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    socket.reconnect();
    (await server.socket(0)).send("news");
    const { readable } = await socket.opened;
    expect((await readable.getReader().read()).value).toBe("news");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(socket.state.status).toBe("open");
  });

  test("stays with a real server, and with one that is not asked as it has yet to read", async () => {
    const { server, socket, write } = await serveAndOpen(0);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    socket.reconnect();
    expect(vi.getTimerCount()).toBe(1);
    await waitFor(() => vi.getTimerCount() === 0, { message: "the answer" });
    vi.useRealTimers();
    await write("unread");
    await waitFor(() => server.connections[0]?.stats().receivedMessages === 1);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    socket.reconnect();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(socket.state.status).toBe("open");
    expect(socket.stats().connections).toBe(1);
  });
});
