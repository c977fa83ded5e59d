import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, test, vi } from "vitest";
import type { WebSocket } from "ws";
import { isSettled, waitFor } from "../src/index.ts";
import { connectPeer, type Peer, type PeerOptions } from "../src/node.ts";
import { startHttpServer, startServer, type Accepted, type TestServer } from "./server.ts";

const CHUNK = Buffer.alloc(65_536, 7);
const MIB = 1 << 20;

async function meet(
  options: PeerOptions = {},
  server?: TestServer,
): Promise<Accepted & { readonly peer: Peer }> {
  const { url, accept } = server ?? (await startServer());
  const peer = await connectPeer(url, options);
  return { peer, ...(await accept()) };
}

/** Sends until the kernel takes no more and at least 1 MiB waits in the process. */
async function stall(socket: WebSocket): Promise<number> {
  let messages = 0;
  let steady = 0;
  let before = -1;
  await waitFor(
    () => {
      if (socket.bufferedAmount < MIB) {
        for (let index = 0; index < 16; index += 1) socket.send(CHUNK);
        messages += 16;
      }
      steady = socket.bufferedAmount === before ? steady + 1 : 0;
      before = socket.bufferedAmount;
      return steady > 20 && before >= MIB;
    },
    { message: "the server to stall", timeoutMs: 10_000 },
  );
  return messages;
}

describe("a peer that reads", () => {
  test("counts what it reads and tells text from binary", async () => {
    const { peer, socket } = await meet();
    const messages = peer.collect(3);
    socket.send("grüße");
    socket.send(Buffer.from([1, 2, 3]));
    socket.send("");
    expect(await messages).toStrictEqual(["grüße", new Uint8Array([1, 2, 3]), ""]);
    expect(peer.received).toEqual({ messages: 3, bytes: 7 + 3 });
  });

  test("misses nothing of what the server sends at once", async () => {
    const server = await startServer({
      onConnection: (socket) => {
        for (let index = 0; index < 100; index += 1) socket.send(String(index));
      },
    });
    const peer = await connectPeer(server.url);
    const messages = await peer.collect(100);
    expect(messages).toEqual(Array.from({ length: 100 }, (_, index) => String(index)));
  });

  test("stops calling a listener that left", async () => {
    const { peer, socket } = await meet();
    const seen: unknown[] = [];
    const stop = peer.onMessage((message) => seen.push(message));
    const first = peer.collect(1);
    socket.send("heard");
    await first;
    stop();
    const second = peer.collect(1);
    socket.send("not heard");
    await second;
    expect(seen).toEqual(["heard"]);
  });

  test("gives up collecting when the connection ends or its signal aborts", async () => {
    const { peer, socket } = await meet();
    const controller = new AbortController();
    const reason = new Error("the test is over");
    const aborted = peer.collect(1, { signal: controller.signal });
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    const cut = peer.collect(2);
    socket.send("one");
    socket.close(1001);
    await expect(cut).rejects.toThrow("Cannot collect 2 messages: got 1 and close code 1001");
    await expect(peer.collect(1)).rejects.toThrow("got 0 and close code 1001");
    await expect(peer.collect(-1)).rejects.toThrow(RangeError);
  });

  test("sends text and binary, and says who it is", async () => {
    const server = await startServer({ handleProtocols: () => "b" });
    const { peer, socket, request } = await meet(
      { headers: { "X-Viewer": "7", Origin: "http://127.0.0.1" }, protocols: ["a", "b"] },
      server,
    );
    expect(peer.protocol).toBe("b");
    expect(request.headers).toMatchObject({ "x-viewer": "7", origin: "http://127.0.0.1" });
    expect(request.headers["sec-websocket-extensions"]).toBeUndefined();
    const received: unknown[] = [];
    socket.on("message", (payload: Buffer, isBinary) => {
      received.push(isBinary ? payload.byteLength : payload.toString());
    });
    await peer.send("text");
    await peer.send(new Uint8Array(5));
    await waitFor(() => received.length === 2, { message: "both messages" });
    expect(received).toEqual(["text", 5]);
  });

  test("works in real time under fake timers", async () => {
    vi.useFakeTimers();
    try {
      const { peer, socket } = await meet({ read: { bytesPerSecond: 10_000_000 } });
      const messages = peer.collect(16);
      for (let index = 0; index < 16; index += 1) socket.send(CHUNK);
      expect(await messages).toHaveLength(16);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a peer that does not read", () => {
  test("stalls the server for good, and gets everything when it thaws", async () => {
    const { peer, socket } = await meet({ read: "never" });
    const sent = await stall(socket);
    const stalled = socket.bufferedAmount;
    for (let index = 0; index < 32; index += 1) socket.send(CHUNK);
    await isSettled(new Promise(() => {}));
    expect(socket.bufferedAmount - stalled).toBeGreaterThanOrEqual(32 * CHUNK.byteLength);
    expect(peer.received).toEqual({ messages: 0, bytes: 0 });

    peer.thaw();
    await waitFor(() => peer.received.messages === sent + 32, { message: "every message" });
    expect(peer.received.bytes).toBe((sent + 32) * CHUNK.byteLength);
    expect(socket.bufferedAmount).toBe(0);
  });

  test("stalls the server when it freezes half-way, within one read", async () => {
    const { peer, socket } = await meet();
    const first = peer.collect(4);
    for (let index = 0; index < 4; index += 1) socket.send(CHUNK);
    await first;
    peer.freeze();
    const before = peer.received.bytes;
    await stall(socket);
    expect(peer.received.bytes - before).toBeLessThanOrEqual(65_536);
    peer.thaw();
    await waitFor(() => socket.bufferedAmount === 0, { message: "the server to drain" });
  });

  test("answers no ping and sees no Close", async () => {
    const { peer, socket } = await meet({ read: "never" });
    let pongs = 0;
    socket.on("pong", () => (pongs += 1));
    await new Promise<void>((resolve) => socket.ping("", undefined, () => resolve()));
    socket.close(1001);
    await isSettled(new Promise(() => {}));
    const answer = once(socket, "message");
    await peer.send("still deaf");
    await answer;
    expect(pongs).toBe(0);
    expect(await isSettled(peer.closed)).toBe(false);
    peer.thaw();
    expect(await peer.closed).toMatchObject({ closeCode: 1001, wasClean: true });
  });

  test("drops the socket when its own Close stays unanswered", async () => {
    const { peer, socket } = await meet({ read: "never", closeTimeoutMs: 20 });
    await stall(socket);
    peer.close(1000, "enough");
    expect(await peer.closed).toEqual({ closeCode: 1006, reason: "", wasClean: false });
  });
});

describe("a peer that reads at a rate", () => {
  test("keeps 1 MB/s within 30 %", async () => {
    const { peer, socket } = await meet({ read: { bytesPerSecond: 1_000_000 } });
    const count = 96;
    const startedMs = performance.now();
    const all = peer.collect(count);
    for (let index = 0; index < count; index += 1) socket.send(CHUNK.subarray(0, 16_384));
    await all;
    const rate = peer.received.bytes / ((performance.now() - startedMs) / 1_000);
    expect(peer.received.bytes).toBe(count * 16_384);
    expect(rate).toBeGreaterThan(700_000);
    expect(rate).toBeLessThan(1_300_000);
  });

  test("holds the server back, and lets go when the rate rises", async () => {
    const { peer, socket } = await meet({ read: { bytesPerSecond: 50_000 } });
    const sent = await stall(socket);
    expect(peer.received.bytes).toBeLessThan(1_000_000);
    peer.setRate("fast");
    await waitFor(() => peer.received.messages === sent, { message: "every message" });
    peer.setRate("never");
    await stall(socket);
    expect(peer.received.messages).toBeLessThanOrEqual(sent + 1);
    expect(() => peer.setRate({ bytesPerSecond: -1 })).toThrow(RangeError);
  });
});

describe("a peer that answers pings", () => {
  async function ping(pongs: PeerOptions["pongs"]): Promise<string[]> {
    const { peer, socket } = await meet({ pongs });
    const answers: string[] = [];
    socket.on("pong", (payload) => answers.push(payload.toString()));
    peer.freeze();
    for (const payload of ["1", "2", "3"]) socket.ping(payload);
    await new Promise<void>((resolve) => socket.ping("4", undefined, () => resolve()));
    peer.thaw();
    const message = peer.collect(1);
    socket.send("after the pings");
    await message;
    await isSettled(new Promise(() => {}));
    // Frames keep their order: what comes before this message is all there is.
    const last = once(socket, "message");
    await peer.send("done");
    await last;
    return answers;
  }

  test("answers each by default", async () => {
    expect(await ping("all")).toEqual(["1", "2", "3", "4"]);
  });

  test("answers only the latest when told to", async () => {
    const answers = await ping("latest");
    expect(answers.at(-1)).toBe("4");
    expect(answers.length).toBeLessThan(4);
  });

  test("answers none when told to", async () => {
    expect(await ping("none")).toEqual([]);
  });
});

describe("a peer that leaves", () => {
  test("says goodbye", async () => {
    const { peer, socket, closed } = await meet();
    const told = once(socket, "close");
    peer.close(4001, "enough");
    expect(await peer.closed).toEqual({ closeCode: 4001, reason: "enough", wasClean: true });
    expect(await closed).toBe(4001);
    expect(String((await told)[1])).toBe("enough");
    expect(peer.error).toBeUndefined();
  });

  test("tells how its server said goodbye", async () => {
    const { peer, socket } = await meet();
    socket.close(1013, "try later");
    expect(await peer.closed).toEqual({ closeCode: 1013, reason: "try later", wasClean: true });
  });

  test("resets: the server gets ECONNRESET", async () => {
    const { peer, closed, tcpError } = await meet();
    peer.reset();
    expect(await closed).toBe(1006);
    expect(tcpError()?.code).toBe("ECONNRESET");
    expect(await peer.closed).toEqual({ closeCode: 1006, reason: "", wasClean: false });
  });

  test("resets a stalled server as well", async () => {
    const { peer, socket, closed } = await meet({ read: "never" });
    await stall(socket);
    peer.reset();
    expect(await closed).toBe(1006);
    expect(peer.received.messages).toBe(0);
  });

  test("vanishes: the server gets an end and no Close", async () => {
    const { peer, closed, tcpError } = await meet();
    peer.vanish();
    expect(await closed).toBe(1006);
    expect(tcpError()).toBeUndefined();
    expect(await peer.closed).toEqual({ closeCode: 1006, reason: "", wasClean: false });
  });

  test("rejects what it could not send", async () => {
    const { peer, socket } = await meet();
    socket.pause();
    const sends = Array.from({ length: 256 }, () => peer.send(CHUNK));
    const last = sends.at(-1) ?? Promise.resolve();
    expect(await isSettled(last)).toBe(false);
    peer.vanish();
    const results = await Promise.allSettled(sends);
    expect(results.at(-1)?.status).toBe("rejected");
    await expect(peer.send("late")).rejects.toThrow();
  });

  test("keeps the error that ended it", async () => {
    const { peer, request } = await meet();
    request.socket.resetAndDestroy();
    expect(await peer.closed).toMatchObject({ closeCode: 1006, wasClean: false });
    expect(peer.error).toMatchObject({ code: "ECONNRESET" });
  });

  test("closes on a frame that breaks the protocol", async () => {
    const { peer, request } = await meet();
    request.socket.write(Uint8Array.of(0xff, 0));
    expect(await peer.closed).toMatchObject({ wasClean: false });
    expect(peer.error?.message).toMatch(/RSV/);
  });
});

describe("a peer that gets no connection", () => {
  test("tells the status of a refusal", async () => {
    const url = await startHttpServer((_request, socket) => {
      socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
    });
    await expect(connectPeer(url)).rejects.toThrow(
      `Cannot connect to ${url}: got status 503, want 101`,
    );
  });

  test("tells why there is no server", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const attempt = connectPeer(`ws://127.0.0.1:${port}/`);
    await expect(attempt).rejects.toThrow(`Cannot connect to ws://127.0.0.1:${port}/`);
    await expect(attempt).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
  });

  test("gives up with its signal", async () => {
    const controller = new AbortController();
    const reason = new Error("the test is over");
    let ended: Promise<unknown> | undefined;
    const url = await startHttpServer((_request, socket) => {
      ended = once(socket.resume(), "end");
      controller.abort(reason);
    });
    await expect(connectPeer(url, { signal: controller.signal })).rejects.toBe(reason);
    await ended;
    expect(ended).toBeDefined();
  });

  test("heeds its signal no more once it is connected", async () => {
    const controller = new AbortController();
    const { peer, socket } = await meet({ signal: controller.signal });
    controller.abort();
    const message = peer.collect(1);
    socket.send("still here");
    expect(await message).toEqual(["still here"]);
  });
});
