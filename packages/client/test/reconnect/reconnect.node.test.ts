import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { ReconnectingWebSocketStream, WebSocketError } from "@spillway/client";
import { Gap, map, sink } from "@spillway/streams";
import { pumped } from "@spillway/streams/ends";
import { isSettled, settle, waitFor } from "@spillway/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { outcome, readAll } from "../support.ts";
import { agrees, Accepting, comeBack, opens, Restarting } from "./support.ts";

describe("ReconnectingWebSocketStream and the connections it makes", () => {
  test("reads on and writes on after the server was reset and has restarted on its port", async () => {
    const server = await new Restarting().start();
    server.onSocket = (socket) =>
      socket.on("message", (data) => socket.send((data as Buffer).toString()));
    const socket = comeBack(server.url);
    const { readable, writable } = await socket.opened;
    const [reader, writer] = [readable.getReader(), writable.getWriter()];
    await writer.write("one");
    expect((await reader.read()).value).toBe("one");
    const next = reader.read();
    await server.stop();
    await waitFor(() => socket.state.status !== "open");
    const write = writer.write("two");
    expect(await isSettled(write)).toBe(false);
    await server.start();
    await write;
    expect((await next).value).toBe("two");
    expect(socket.stats()).toMatchObject({ connections: 2, sentMessages: 2, receivedMessages: 2 });
  });

  test("waits with what is written until there is a first connection", async () => {
    const server = await new Restarting().start();
    await server.stop();
    const socket = comeBack(server.url);
    await waitFor(() => socket.state.attempt > 2);
    expect(await isSettled(socket.opened)).toBe(false);
    await server.start();
    const { writable } = await socket.opened;
    const peer = await server.socket(0);
    const message = once(peer, "message");
    await writable.getWriter().write("hello");
    expect(String((await message)[0])).toBe("hello");
  });

  test("tells what it is doing", async () => {
    const server = await new Restarting().start();
    const socket = comeBack(server.url);
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { status } of socket.states()) seen.push(status);
    })();
    await socket.opened;
    await settle();
    await server.stop();
    await waitFor(() => socket.state.status === "waiting" && socket.state.attempt > 1);
    expect(socket.state.delayMs).toBeGreaterThanOrEqual(0);
    await server.start();
    await opens(socket, 2);
    await settle();
    socket.close();
    await watching;
    expect(seen.slice(0, 3)).toEqual(["connecting", "open", "waiting"]);
    expect(seen.slice(-2)).toEqual(["open", "closed"]);
    expect((await socket.states().next()).value?.status).toBe("closed");
    const left = socket.states();
    await left.return?.();
    expect(await left.next()).toEqual({ done: true, value: undefined });
  });

  test("ends in order when the server says that it is done", async () => {
    const server = await new Restarting().start();
    const socket = comeBack(server.url);
    const { readable, writable } = await socket.opened;
    const peer = await server.socket(0);
    peer.send("last");
    peer.close(1000, "done");
    expect(await socket.closed).toEqual({ closeCode: 1000, reason: "done" });
    expect(await readAll(readable)).toEqual(["last"]);
    expect(await outcome(writable.getWriter().write("more"))).toBe("InvalidStateError");
    expect(socket.state.status).toBe("closed");
    expect(server.sockets).toHaveLength(1);
  });

  for (const code of [1002, 1003, 1007, 1008, 1009, 3000, 4003]) {
    test(`does not come back after ${code}`, async () => {
      const server = await new Restarting().start();
      const socket = comeBack(server.url);
      await socket.opened;
      (await server.socket(0)).close(code);
      expect(await socket.closed).toMatchObject({ closeCode: code });
      expect(server.sockets).toHaveLength(1);
    });
  }

  for (const code of [undefined, 1001, 1011, 1012]) {
    test(`comes back after ${code ?? "a Close without a code"}`, async () => {
      const server = await new Restarting().start();
      const socket = comeBack(server.url);
      await socket.opened;
      (await server.socket(0)).close(code);
      await opens(socket, 2);
    });
  }

  test("asks the application whether to come back", async () => {
    const server = await new Restarting().start();
    const asked: unknown[] = [];
    const socket = comeBack(server.url, {
      reconnect: {
        firstDelayMs: 1,
        retry: (end) => {
          asked.push(end);
          return asked.length < 2;
        },
      },
    });
    const { readable } = await socket.opened;
    (await server.socket(0)).close(4003, "token");
    (await server.socket(1)).terminate();
    const error = (await socket.closed.catch((reason: unknown) => reason)) as WebSocketError;
    expect(error).toBeInstanceOf(WebSocketError);
    expect(await outcome(readable.getReader().read())).toBe("WebSocketError");
    expect(asked).toEqual([
      { closeCode: 4003, reason: "token" },
      { closeCode: 1006, reason: "" },
    ]);
  });

  test("gives up after so many attempts, with why the last one failed", async () => {
    const server = await new Restarting().start();
    await server.stop();
    const socket = comeBack(server.url, { reconnect: { firstDelayMs: 1, maxAttempts: 3 } });
    const lane = socket.lane("video").getReader();
    const error = (await socket.closed.catch((reason: unknown) => reason)) as WebSocketError;
    expect(error).toBeInstanceOf(WebSocketError);
    expect((error.cause as WebSocketError).cause).toMatchObject({ code: "ECONNREFUSED" });
    expect(await outcome(socket.opened)).toBe("WebSocketError");
    expect(await outcome(lane.closed)).toBe("WebSocketError");
    expect(socket.state).toEqual({ status: "closed", attempt: 3, delayMs: 0 });
  });

  test("gives up an attempt that nobody answers", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const socket = comeBack(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      reconnect: { firstDelayMs: 1, connectTimeoutMs: 20, maxAttempts: 2 },
    });
    const error = (await socket.closed.catch((reason: unknown) => reason)) as WebSocketError;
    expect((error.cause as Error).message).toContain("nobody answered for 20 ms");
  });

  test("gives up with the reason of the signal until it is open, and not later", async () => {
    const server = await new Restarting().start();
    const [early, late] = [new AbortController(), new AbortController()];
    const open = comeBack(server.url, { signal: late.signal });
    await open.opened;
    late.abort();
    expect(open.state.status).toBe("open");
    await server.stop();
    const socket = comeBack(server.url, { signal: early.signal });
    await waitFor(() => socket.state.attempt > 1);
    early.abort("enough");
    expect(await socket.opened.catch((reason: unknown) => reason)).toBe("enough");
    expect(await socket.closed.catch((reason: unknown) => reason)).toBe("enough");
    expect(socket.state.status).toBe("closed");
    const never = comeBack(server.url, { signal: AbortSignal.abort("no") });
    expect(await never.closed.catch((reason: unknown) => reason)).toBe("no");
  });

  for (const moment of ["open", "waiting"] as const) {
    test(`closes for good while it is ${moment}, and settles everything`, async () => {
      const server = await new Restarting().start();
      const socket = comeBack(server.url, { reconnect: { firstDelayMs: 1e6, maxDelayMs: 1e6 } });
      const { readable, writable } = await socket.opened;
      const [reader, writer] = [readable.getReader(), writable.getWriter()];
      const [read, lane] = [reader.read(), socket.lane("video").getReader().read()];
      let write: Promise<unknown> = Promise.resolve("resolved");
      if (moment === "waiting") {
        await server.stop();
        await waitFor(() => socket.state.status === "waiting");
        write = outcome(writer.write("never"));
      }
      socket.close({ closeCode: 4000, reason: "bye" });
      expect(await socket.closed).toEqual({ closeCode: 4000, reason: "bye" });
      expect(await read).toEqual({ done: true, value: undefined });
      expect(await lane).toEqual({ done: true, value: undefined });
      expect(await write).toBe(moment === "open" ? "resolved" : "InvalidStateError");
      expect(await outcome(writer.closed)).toBe("InvalidStateError");
    });
  }

  test("closes for good by way of its streams", async () => {
    const server = await new Restarting().start();
    const one = comeBack(server.url);
    await (await one.opened).writable.getWriter().close();
    expect(await one.closed).toMatchObject({ closeCode: 1005 });
    const two = comeBack(server.url);
    const why = new WebSocketError("", { closeCode: 3001 });
    await (await two.opened).readable.cancel(why);
    expect(await two.closed).toMatchObject({ closeCode: 3001 });
    const three = comeBack(server.url);
    await (await three.opened).writable.abort(new WebSocketError("", { closeCode: 3002 }));
    expect(await three.closed).toMatchObject({ closeCode: 3002 });
    const four = comeBack(server.url);
    const { writable } = await four.opened;
    await server.stop();
    await waitFor(() => four.state.status !== "open");
    await writable.getWriter().close();
    expect(await four.closed).toMatchObject({ closeCode: 1005 });
  });

  test("closes before it was open", async () => {
    const socket = comeBack("ws://127.0.0.1:1");
    socket.close();
    expect(await outcome(socket.opened)).toBe("WebSocketError");
    expect(await outcome(socket.closed)).toBe("WebSocketError");
  });

  test("connects now when it is told to", async () => {
    const server = await new Restarting().start();
    const socket = comeBack(server.url, { reconnect: { firstDelayMs: 1e6, maxDelayMs: 1e6 } });
    await socket.opened;
    (await server.socket(0)).close(1013, "busy; retry-after=3600");
    await waitFor(() => socket.state.status === "waiting");
    expect(socket.state.delayMs).toBeGreaterThanOrEqual(3_600_000);
    socket.reconnect();
    await opens(socket, 2);
  });

  test("comes back no sooner than the server has asked for", async () => {
    const server = await new Restarting().start();
    const socket = comeBack(server.url);
    await socket.opened;
    const peer = await server.socket(0);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    peer.close(1013, "too slow; retry-after=20");
    await waitFor(() => socket.state.status === "waiting");
    await vi.advanceTimersByTimeAsync(19_999);
    expect(socket.state.status).toBe("waiting");
    await vi.advanceTimersByTimeAsync(10_001);
    expect(socket.state.status).not.toBe("waiting");
    await opens(socket, 2);
  });

  test("errors a writable whose producer never waits, and ends", async () => {
    const server = await new Restarting().start();
    const socket = comeBack(server.url, { maxQueuedBytes: 10_000 });
    const { readable, writable } = await socket.opened;
    await server.stop();
    await waitFor(() => socket.state.status !== "open");
    const writer = writable.getWriter();
    for (let index = 0; index < 20; index++) void writer.write(new Uint8Array(1000));
    expect(await outcome(writer.closed)).toBe("SPW_ERR_OVERFLOW");
    expect(await outcome(readable.getReader().read())).toBe("SPW_ERR_OVERFLOW");
    expect(await outcome(socket.closed)).toBe("WebSocketError");
  });

  test("ends with what the server does wrong, and does not come back to it", async () => {
    const server = await new Restarting().start();
    const socket = comeBack(server.url);
    const { readable } = await socket.opened;
    const peer = await server.socket(0);
    peer.send("\u0010V1,65536,64");
    peer.send("\u0010L7");
    expect(await outcome(readable.getReader().read())).toBe("SPW_ERR_PROTOCOL");
    expect(await socket.closed).toMatchObject({ closeCode: 4002 });
    expect(server.sockets).toHaveLength(1);
  });

  test("refuses options that are none", () => {
    const make = (options: object) => () =>
      new ReconnectingWebSocketStream("ws://127.0.0.1:1", { WebSocket, ...options });
    for (const options of [
      { reconnect: 5 },
      { reconnect: { firstDelayMs: 0 } },
      { reconnect: { maxDelayMs: Infinity } },
      { reconnect: { maxAttempts: 1.5 } },
      { reconnect: { replayBytes: -1 } },
      { reconnect: { retry: "yes" } },
      { lifecycle: "always" },
      { gaps: "yes" },
      { stale: "toss" },
    ]) {
      expect(make(options)).toThrow();
    }
  });

  test("keeps to credits when the server restarts while it knocks", async () => {
    const server = await new Accepting().start();
    const socket = comeBack(server.url);
    await agrees(socket);
    expect(server.offers).toEqual(["spillway.v1"]);
    await server.stop();
    // It refuses the first, as one does that is not ready, and takes what follows.
    let refusals = 1;
    await server.start({ verifyClient: () => refusals-- <= 0 });
    await opens(socket, 2);
    await agrees(socket);
    expect(server.offers).not.toContain("");
  });
});

describe("what a ReconnectingWebSocketStream reads", () => {
  test("is taken from the connection only when it is asked for", async () => {
    const server = await new Accepting().start();
    const socket = comeBack(server.url, { maxUnreadMessages: 64 });
    const { readable } = await socket.opened;
    const [connection] = server.connections;
    const writer = connection?.writable.getWriter();
    let written = 0;
    const writing = (async () => {
      for (; written < 200; written++) await writer?.write(`${written}`);
    })();
    await agrees(socket);
    await waitFor(() => socket.stats().unreadMessages === 64);
    await settle();
    expect(socket.stats()).toMatchObject({ receivedMessages: 64, unreadMessages: 64 });
    const reader = readable.getReader();
    for (let index = 0; index < 200; index++) expect((await reader.read()).value).toBe(`${index}`);
    await writing;
  });

  test("keeps what came before the connection was lost, and marks where that was", async () => {
    const server = await new Restarting().start();
    const socket = comeBack(server.url, { gaps: true });
    const { readable } = await socket.opened;
    const peer = await server.socket(0);
    for (const text of ["a", "b", "c"]) peer.send(text);
    await waitFor(() => socket.stats().unreadMessages === 3);
    peer.terminate();
    (await server.socket(1)).send("d");
    await waitFor(() => socket.stats().unreadMessages === 4);
    const reader = readable.getReader();
    const seen: unknown[] = [];
    for (let index = 0; index < 5; index++) seen.push((await reader.read()).value);
    expect(seen).toEqual(["a", "b", "c", new Gap(0, 0, "closed"), "d"]);
    expect(socket.stats().dropped.chunks).toBe(0);
  });

  test("is told of a lost connection at once if it waits", async () => {
    const server = await new Restarting().start();
    const socket = comeBack(server.url, { gaps: true });
    const reader = (await socket.opened).readable.getReader();
    const [next, lane] = [reader.read(), socket.lane("x", { gaps: true }).getReader().read()];
    (await server.socket(0)).terminate();
    expect((await next).value).toEqual(new Gap(0, 0, "closed"));
    expect((await lane).value).toEqual(new Gap(0, 0, "closed"));
  });

  test("stands for no more than two connections that nobody reads", async () => {
    const server = await new Restarting().start();
    server.onSocket = (socket) => socket.send(`from ${server.sockets.length}`);
    const socket = comeBack(server.url, { gaps: true });
    const { readable } = await socket.opened;
    for (let index = 0; index < 5; index++) {
      await waitFor(() => socket.stats().receivedMessages === index + 1);
      (await server.socket(index)).terminate();
      await opens(socket, index + 2);
    }
    await waitFor(() => socket.stats().receivedMessages === 6);
    expect(socket.stats()).toMatchObject({
      unreadMessages: 2,
      dropped: { chunks: 4, reasons: { closed: { chunks: 4 } } },
    });
    const reader = readable.getReader();
    const seen: unknown[] = [];
    for (let index = 0; index < 4; index++) seen.push((await reader.read()).value);
    expect(seen).toEqual([new Gap(4, 24, "closed"), "from 5", new Gap(0, 0, "closed"), "from 6"]);
  });

  test("has gaps where the server dropped messages, lane by lane", async () => {
    const server = await new Restarting().start();
    const socket = comeBack(server.url, { gaps: true });
    const reader = (await socket.opened).readable.getReader();
    const video = socket.lane("video", { gaps: true }).getReader();
    const plain = socket.lane("plain").getReader();
    const peer = await server.socket(0);
    const lines = ["V1,65536,64", "N1,video", "N2,plain", "G2", "L1", "G1", "G3"].map(
      (line) => `\u0010${line}`,
    );
    for (const line of [...lines, "key", "\u0010G5", "\u0010L2", "\u0010G9", "text"])
      peer.send(line);
    expect((await reader.read()).value).toEqual(new Gap(2, 0, "missed"));
    expect((await plain.read()).value).toBe("text");
    expect((await video.read()).value).toEqual(new Gap(4, 0, "missed"));
    expect((await video.read()).value).toBe("key");
    expect((await video.read()).value).toEqual(new Gap(5, 0, "missed"));
    expect(socket.stats().missedMessages).toBe(20);
  });

  test("goes on with lanes of the same name, and ends with one that ends", async () => {
    const server = await new Accepting({}, (connection, index) => {
      const writer = connection.lane({ name: "news" }).getWriter();
      void writer.write(`from ${index}`);
      if (index !== 1) return;
      void writer.close().then(() => {
        void connection.lane({ name: "news" }).getWriter().write("once more");
      });
    }).start();
    const socket = comeBack(server.url);
    const news = socket.lane("news").getReader();
    expect((await news.read()).value).toBe("from 0");
    server.connections[0]?.terminate();
    expect((await news.read()).value).toBe("from 1");
    expect((await news.read()).done).toBe(true);
    const again = socket.lane("news").getReader();
    expect((await again.read()).value).toBe("once more");
    server.connections[1]?.terminate();
    expect((await again.read()).value).toBe("from 2");
  });

  test("has a lane that the server ends and names again later", async () => {
    const server = await new Restarting().start();
    const socket = comeBack(server.url);
    const first = socket.lane("news");
    const peer = await server.socket(0);
    for (const line of ["V1,65536,64", "N1,news", "L1", "E1"]) peer.send(`\u0010${line}`);
    expect(await readAll(first)).toEqual([]);
    const second = socket.lane("news").getReader();
    for (const line of ["N2,news", "L2"]) peer.send(`\u0010${line}`);
    peer.send("again");
    expect((await second.read()).value).toBe("again");
  });

  test("of a lane that was cancelled is discarded and counted, on every connection", async () => {
    const server = await new Accepting({}, (connection) => {
      void connection.lane({ name: "video" }).getWriter().write("picture");
      void connection.writable.getWriter().write("text");
    }).start();
    const socket = comeBack(server.url);
    await socket.lane("video").cancel();
    const reader = (await socket.opened).readable.getReader();
    expect((await reader.read()).value).toBe("text");
    server.connections[0]?.terminate();
    expect((await reader.read()).value).toBe("text");
    await waitFor(() => socket.stats().dropped.reasons["cancelled"]?.chunks === 2);
  });

  test("is dropped and counted where nobody has asked for the lane", async () => {
    const server = await new Accepting({}, (connection, index) => {
      if (index === 0) void connection.lane({ name: "video" }).getWriter().write("picture");
    }).start();
    const socket = comeBack(server.url);
    await waitFor(() => socket.stats().unreadMessages === 1);
    server.connections[0]?.terminate();
    await opens(socket, 2);
    expect(socket.stats()).toMatchObject({ unreadMessages: 0, dropped: { chunks: 1, size: 7 } });
  });
});

describe("a pipe from a ReconnectingWebSocketStream", () => {
  test("goes on without a promise for a message, from one connection to the next", async () => {
    const server = await new Accepting({}, (connection, index) => {
      const writer = connection.lane({ name: "numbers" }).getWriter();
      for (let number = 0; number < 10; number++) void writer.write(`${index * 10 + number}`);
    }).start();
    const socket = comeBack(server.url);
    const seen: number[] = [];
    const before = pumped();
    const piped = socket
      .lane("numbers")
      .pipeThrough(map(Number))
      .pipeTo(sink({ write: (number) => void seen.push(number) }));
    await waitFor(() => seen.length === 10);
    server.connections[0]?.terminate();
    await waitFor(() => seen.length === 20);
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(pumped()).toBeGreaterThan(before);
    socket.close();
    await piped;
  });

  test("holds each connection up while its sink stalls", async () => {
    const server = await new Accepting({}, (connection) => {
      const writer = connection.lane({ name: "numbers" }).getWriter();
      for (let number = 0; number < 500; number++) writer.write(`${number}`).catch(() => {});
    }).start();
    const socket = comeBack(server.url, { maxUnreadMessages: 64 });
    let taken = 0;
    const stalled = new WritableStream<unknown>({
      write: async () => {
        taken++;
        return new Promise<void>(() => {});
      },
    });
    void socket.lane("numbers").pipeTo(stalled);
    for (let connection = 1; connection <= 3; connection++) {
      await opens(socket, connection);
      await agrees(socket);
      await waitFor(() => socket.stats().receivedMessages >= connection * 64);
      await settle();
      expect(socket.stats().receivedMessages).toBeLessThanOrEqual(connection * 64 + 2);
      server.connections[connection - 1]?.terminate();
    }
    expect(taken).toBe(1);
  });
});

describe("a ReconnectingWebSocketStream that wants credits", () => {
  test("is open once they are agreed on, again and again", async () => {
    const server = await new Accepting().start();
    const socket = comeBack(server.url, { credits: "require" });
    await socket.opened;
    expect(socket.stats().credits).toBe("agreed");
    server.connections[0]?.terminate();
    await opens(socket, 2);
    expect(socket.stats().credits).toBe("agreed");
  });

  test("ends where there are none", async () => {
    const server = await new Restarting().start();
    server.onSocket = (socket) => socket.send("no hello");
    const socket = comeBack(server.url, { credits: "require" });
    expect(await outcome(socket.opened)).toBe("WebSocketError");
    expect(await socket.closed).toMatchObject({ closeCode: 4002 });
  });
});

describe("a storm of clients", () => {
  test("comes back spread by chance", async () => {
    const server = await new Restarting().start();
    const clients = Array.from({ length: 50 }, () =>
      comeBack(server.url, { credits: "off", reconnect: { firstDelayMs: 400 } }),
    );
    await Promise.all(clients.map(async (client) => client.opened));
    const since = performance.now();
    const times: number[] = [];
    server.onSocket = () => times.push(performance.now() - since);
    for (const peer of server.sockets) peer.close(1012);
    const delays = clients.map(async (client) => {
      await waitFor(() => client.state.status === "waiting");
      return client.state.delayMs;
    });
    // Each draws for itself: without that all would be in one part of the time.
    const parts = new Set((await Promise.all(delays)).map((delayMs) => Math.floor(delayMs / 50)));
    expect(parts.size).toBeGreaterThan(4);
    await Promise.all(clients.map(async (client) => opens(client, 2)));
    const seen = new Set(times.map((time) => Math.floor(time / 50)));
    expect(times).toHaveLength(50);
    expect(seen.size).toBeGreaterThan(3);
  });
});
