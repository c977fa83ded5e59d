import { once } from "node:events";
import { fromIterable, map, sink, type SpillwayError } from "@spillway/streams";
import { pumped } from "@spillway/streams/ends";
import { type Credit, INITIAL_CREDIT } from "@spillway/streams/protocol";
import type { WebSocketError, WebSocketStreamOptions } from "@spillway/client";
import { isSettled, settle, waitFor } from "@spillway/testing";
import { describe, expect, test, vi } from "vitest";
import type { WebSocket } from "ws";
import { CreditPeer } from "./credit-peer.ts";
import { connectTo, openPair, outcome, type Pair, readAll, serve } from "./support.ts";

/** A client and a server that speaks the subprotocol. */
async function creditPair(
  options: WebSocketStreamOptions = {},
  credit?: Credit,
): Promise<Pair & { server: CreditPeer }> {
  const pair = await openPair(await serve(), { maxUnreadMessages: 64, ...options });
  const server = speak(pair.peer, credit);
  server.hello();
  await waitFor(() => server.heard.length === 1, { message: "the hello of the client" });
  return { ...pair, server };
}

function speak(peer: WebSocket, credit?: Credit): CreditPeer {
  const server = new CreditPeer({ send: (message) => peer.send(message) }, credit);
  peer.on("message", (data, isBinary) => {
    server.receive(isBinary ? new Uint8Array(data as Buffer) : (data as Buffer).toString());
  });
  return server;
}

/** Sends until there is no credit, and asks. */
function fill(server: CreditPeer, message: string | Uint8Array, lane: number = 0): number {
  let sent = 0;
  while (server.send(message, lane)) sent++;
  server.ask(lane);
  return sent;
}

/** Writes until a write leaves no room for another: that one has left as well. */
async function writeUntilStalled(
  writer: WritableStreamDefaultWriter<string | Uint8Array>,
  chunk: string | Uint8Array,
): Promise<{ written: number; stalled: Promise<void> }> {
  for (let written = 0; ; written++) {
    expect(written).toBeLessThan(5000);
    const write = writer.write(chunk);
    if (!(await isSettled(write))) return { written, stalled: write };
  }
}

const KIB = new Uint8Array(1024);

describe("agreeing on credits", () => {
  test("offers the subprotocol before the application's own, and hides it", async () => {
    const server = await serve();
    const { protocol } = await openPair(server, { protocols: ["chat", "log"] });
    expect(server.offers).toEqual(["spillway.v1.chat,spillway.v1.log,chat,log"]);
    expect(protocol).toBe("chat");
    expect((await openPair(await serve())).protocol).toBe("");
  });

  test("answers the hello with its own, of the size asked for", async () => {
    const { server, socket } = await creditPair({ highWaterMark: 100_000, maxUnreadMessages: 70 });
    expect(server.given).toMatchObject({ version: 1, bytes: 100_000, messages: 70 });
    expect(socket.stats().credits).toBe("agreed");
    const small = await creditPair({ highWaterMark: 1, maxUnreadMessages: 1 });
    expect(small.server.given).toMatchObject(INITIAL_CREDIT);
  });

  test("tries again without when the server picks none", async () => {
    const server = await serve({ handleProtocols: () => false });
    const { socket, protocol, readable } = await openPair(server);
    // The first has failed at the client's end.
    const peer = await server.next();
    expect(server.offers).toEqual(["spillway.v1", ""]);
    expect(protocol).toBe("");
    expect(socket.stats().credits).toBe("none");
    peer.send("\u0010V1,65536,64");
    expect((await readable.getReader().read()).value).toBe("\u0010V1,65536,64");
  });

  test("tells of one failure only when it fails twice", async () => {
    const server = await serve({ verifyClient: () => false });
    const socket = connectTo(server.url);
    expect(await outcome(socket.opened)).toBe("WebSocketError");
    expect(await outcome(socket.closed)).toBe("WebSocketError");
  });

  test("does not try again once it is closed", async () => {
    let handshakes = 0;
    const server = await serve({
      verifyClient: () => {
        handshakes++;
        socket.close();
        return false;
      },
    });
    const socket = connectTo(server.url);
    expect(await outcome(socket.closed)).toBe("WebSocketError");
    await settle();
    expect(handshakes).toBe(1);
  });

  for (const first of ["news", "\u0010W1", "\u0010\u0010V1,65536,64", "\u0010V1", KIB]) {
    test(`goes on without after ${JSON.stringify(first).slice(0, 20)}`, async () => {
      const { socket, readable, writable, peer } = await openPair(await serve());
      const received: string[] = [];
      peer.on("message", (data) => received.push((data as Buffer).toString()));
      peer.send(first);
      peer.send("\u0010V1,65536,64");
      const reader = readable.getReader();
      expect((await reader.read()).value).toEqual(first);
      expect((await reader.read()).value).toBe("\u0010V1,65536,64");
      expect(socket.stats().credits).toBe("none");
      await writable.getWriter().write("\u0010A");
      await waitFor(() => received.length > 0);
      expect(received).toEqual(["\u0010A"]);
    });
  }

  test("writes within the least credit until it knows, and on after a second of silence", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { socket, writable, peer } = await openPair(await serve());
      let received = 0;
      peer.on("message", () => received++);
      const { written, stalled } = await writeUntilStalled(writable.getWriter(), KIB);
      // The 64th was sent, and leaves no credit.
      expect(written).toBe(63);
      await vi.advanceTimersByTimeAsync(999);
      expect(await isSettled(stalled)).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      await stalled;
      expect(socket.stats().credits).toBe("unknown");
      vi.useRealTimers();
      await waitFor(() => received === 64);
    } finally {
      vi.useRealTimers();
    }
  });

  test("holds back what begins like a control message until it knows", async () => {
    for (const isOurs of [true, false]) {
      const { writable, peer } = await openPair(await serve());
      const received: string[] = [];
      peer.on("message", (data) => received.push((data as Buffer).toString()));
      const writer = writable.getWriter();
      await writer.write("plain");
      const write = writer.write("\u0010Q");
      await waitFor(() => received.length === 1);
      expect(await isSettled(write)).toBe(false);
      peer.send(isOurs ? "\u0010V1,65536,64" : "news");
      await write;
      const expected = isOurs ? ["\u0010V1,1048576,1024", "\u0010\u0010Q"] : ["\u0010Q"];
      await waitFor(() => received.length === 1 + expected.length);
      expect(received).toEqual(["plain", ...expected]);
    }
  });

  test("counts everything since the opening when the hello comes late", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { socket, writable, peer } = await openPair(await serve());
    const server = speak(peer, { bytes: 1 << 20, messages: 100 });
    await vi.advanceTimersByTimeAsync(1000);
    vi.useRealTimers();
    const writer = writable.getWriter();
    for (let index = 0; index < 90; index++) await writer.write("early");
    await waitFor(() => server.received === 90);
    server.hello();
    await waitFor(() => server.heard.length === 2);
    expect(server.heard.map(({ type }) => type)).toEqual(["hello", "ask"]);
    const { written, stalled } = await writeUntilStalled(writer, "late");
    expect(written).toBe(9);
    expect(socket.stats().credits).toBe("agreed");
    server.read(100);
    await stalled;
  });

  test("fails where credits are required", async () => {
    const required = { credits: "require" } as const;
    const none = connectTo((await serve({ handleProtocols: () => false })).url, required);
    expect(await outcome(none.opened)).toBe("WebSocketError");

    const silent = await serve();
    const socket = connectTo(silent.url, { ...required, protocols: ["chat"] });
    const peer = await silent.next();
    expect(silent.offers).toEqual(["spillway.v1.chat"]);
    expect(await isSettled(socket.opened)).toBe(false);
    const closed = once(peer, "close");
    peer.send("no hello");
    const error = (await socket.opened.catch((reason: unknown) => reason)) as WebSocketError;
    expect((error.cause as SpillwayError).code).toBe("SPW_ERR_PROTOCOL");
    expect((await closed)[0]).toBe(4002);
  });

  test("opens where credits are required and given", async () => {
    const server = await serve();
    const socket = connectTo(server.url, { credits: "require" });
    speak(await server.next()).hello();
    expect((await socket.opened).protocol).toBe("");
    expect(socket.stats().credits).toBe("agreed");
  });
});

describe("receiving with credits", () => {
  test("holds up a server whose messages nobody reads, and lets it go on by one", async () => {
    const { server, socket, readable } = await creditPair();
    expect(fill(server, "x")).toBe(64);
    await waitFor(() => socket.stats().unreadMessages === 64);
    await settle();
    expect(server.unreadBy(0).messages).toBe(64);
    const reader = readable.getReader();
    for (let read = 1; read <= 63; read++) await reader.read();
    await settle();
    // It was asked about the last: that one is unread.
    expect(server.heard).toHaveLength(1);
    await reader.read();
    await waitFor(() => server.unreadBy(0).messages === 0);
    // From now on it is asked about each.
    for (let index = 0; index < 64; index++) {
      server.send("y");
      server.ask();
    }
    for (let read = 1; read <= 5; read++) {
      await reader.read();
      await waitFor(() => server.unreadBy(0).messages === 63);
      expect(server.send("z")).toBe(true);
      server.ask();
      expect(server.send("z")).toBe(false);
    }
  });

  test("does not count a message as read before a reader has it", async () => {
    const { server, socket, readable } = await creditPair();
    readable.getReader().releaseLock();
    server.send("one");
    server.ask();
    await waitFor(() => socket.stats().unreadMessages === 1);
    await settle();
    expect(server.heard).toHaveLength(1);
    const piped: unknown[] = [];
    let more: (() => void) | undefined;
    void readable.pipeTo(
      new WritableStream({
        write(chunk) {
          piped.push(chunk);
          return new Promise<void>((resolve) => (more = resolve));
        },
      }),
    );
    await waitFor(() => server.heard.length === 2);
    for (let index = 0; index < 60; index++) server.send("more");
    server.ask();
    await waitFor(() => socket.stats().receivedMessages === 61);
    await settle();
    // The slow sink has one, and its stream asks for no other.
    expect(socket.stats().unreadMessages).toBeGreaterThanOrEqual(59);
    more?.();
  });

  test("bounds the bytes by credit and one message", async () => {
    const { server, socket } = await creditPair({ highWaterMark: 100_000 });
    const message = new Uint8Array(70_000);
    expect(fill(server, message)).toBe(2);
    await waitFor(() => socket.stats().unreadBytes === 140_000);
  });

  test("unescapes what begins like a control message", async () => {
    const { server, readable } = await creditPair();
    for (const text of ["\u0010", "\u0010\u0010Q", "plain"]) server.send(text);
    const reader = readable.getReader();
    expect((await reader.read()).value).toBe("\u0010");
    expect((await reader.read()).value).toBe("\u0010\u0010Q");
    expect((await reader.read()).value).toBe("plain");
  });

  test("applies no policy: the server waits instead", async () => {
    const { server, socket } = await creditPair({ overflow: "latest" });
    for (let index = 0; index < 50; index++) server.send("x");
    await waitFor(() => socket.stats().unreadMessages === 50);
    expect(socket.stats().dropped.chunks).toBe(0);
  });

  test("counts what the server has dropped", async () => {
    const { server, socket } = await creditPair();
    server.say({ type: "gap", messages: 7 });
    server.say({ type: "gap", messages: 2 });
    await waitFor(() => socket.stats().missedMessages === 9);
  });
});

describe("lanes", () => {
  test("one that nobody reads holds up no other", async () => {
    const { server, socket, readable } = await creditPair();
    server.name(1, "video");
    server.name(2, "chat, or so");
    expect(fill(server, "frame", 1)).toBe(64);
    const chat = socket.lane("chat, or so").getReader();
    for (let index = 0; index < 200; index++) {
      expect(server.send(`${index}`, 2)).toBe(true);
      server.ask(2);
      expect((await chat.read()).value).toBe(`${index}`);
      await waitFor(() => server.unreadBy(2).messages === 0);
    }
    server.send("main", 0);
    expect((await readable.getReader().read()).value).toBe("main");
    expect(server.unreadBy(1).messages).toBe(64);
    expect(socket.stats().unreadMessages).toBe(64);
  });

  test("is the same stream whoever mentions it first", async () => {
    const { server, socket } = await creditPair();
    const early = socket.lane("video");
    expect(socket.lane("video")).toBe(early);
    server.name(1, "video");
    server.send("one", 1);
    server.say({ type: "end", lane: 1 });
    expect(await readAll(early)).toEqual(["one"]);
  });

  test("may be asked about after its end, and its name may be used again", async () => {
    const { server, socket } = await creditPair();
    server.name(1, "video");
    server.send("one", 1);
    server.say({ type: "end", lane: 1 });
    server.ask(1);
    const first = socket.lane("video");
    await waitFor(() => socket.stats().receivedMessages === 1);
    server.name(2, "video");
    server.send("two", 2);
    expect(await readAll(first)).toEqual(["one"]);
    await waitFor(() => server.unreadBy(1).messages === 0);
    await waitFor(() => socket.stats().receivedMessages === 2);
    expect((await socket.lane("video").getReader().read()).value).toBe("two");
  });

  test("cancelled, it takes what comes and counts it as dropped", async () => {
    const { server, socket } = await creditPair();
    server.name(3, "video");
    fill(server, "frame", 3);
    await waitFor(() => socket.stats().unreadMessages === 64);
    await socket.lane("video").cancel();
    await waitFor(() => server.unreadBy(3).messages === 0);
    fill(server, "frame", 3);
    await waitFor(() => server.unreadBy(3).messages === 0);
    expect(socket.stats().dropped.reasons).toEqual({ cancelled: { chunks: 128, size: 640 } });
  });

  test("ends with the connection, also one that never came", async () => {
    const { server, socket, peer } = await creditPair();
    server.name(1, "video");
    server.send("last", 1);
    const never = socket.lane("never");
    peer.close();
    expect(await readAll(never)).toEqual([]);
    expect(await readAll(socket.lane("video"))).toEqual(["last"]);
    expect(await readAll(socket.lane("later"))).toEqual([]);
    const lost = await creditPair();
    const lane = lost.socket.lane("video").getReader().read();
    lost.peer.terminate();
    expect(await outcome(lane)).toBe("WebSocketError");
    expect(await outcome(lost.socket.lane("later").getReader().read())).toBe("WebSocketError");
  });
});

describe("sending with credits", () => {
  test("stalls at the server's credit, and goes on as its application reads", async () => {
    const { server, writable } = await creditPair({}, { bytes: 1 << 20, messages: 80 });
    const writer = writable.getWriter();
    const { written, stalled } = await writeUntilStalled(writer, "x");
    expect(written).toBe(79);
    expect(server.peak.messages).toBe(80);
    expect(await isSettled(writer.ready)).toBe(false);
    // It asks about each quarter.
    expect(server.heard.filter(({ type }) => type === "ask")).toHaveLength(4);
    server.read(19);
    await settle();
    expect(await isSettled(stalled)).toBe(false);
    server.read(1);
    await stalled;
    await writer.ready;
  });

  test("sends a message larger than the credit alone", async () => {
    const { server, writable } = await creditPair();
    const writer = writable.getWriter();
    const large = writer.write(new Uint8Array(500_000));
    const next = writer.write("next");
    await waitFor(() => server.unread.length === 1);
    expect(await isSettled(large)).toBe(false);
    expect(server.received).toBe(1);
    server.read(1);
    await large;
    await next;
    await waitFor(() => server.received === 2);
  });

  test("escapes what begins like a control message", async () => {
    const { server, writable } = await creditPair();
    const writer = writable.getWriter();
    await writer.write("\u0010Q");
    await writer.write("\u0010\u0010");
    await waitFor(() => server.received === 2);
    expect(server.read(2)).toEqual(["\u0010Q", "\u0010\u0010"]);
  });

  test("never leaves more unread than the credit, however it is read", async () => {
    const { server, writable } = await creditPair();
    const writer = writable.getWriter();
    const reading = (async () => {
      while (server.received < 600 || server.unread.length > 0) {
        server.read(1 + (server.received % 7));
        await settle();
      }
    })();
    for (let index = 0; index < 600; index++) await writer.write(new Uint8Array(index * 7));
    await reading;
    expect(server.peak.messages).toBeLessThanOrEqual(64);
  });

  test("joins stages at both ends without a promise for each message", async () => {
    const { server, socket, readable, writable } = await creditPair();
    const before = pumped();
    let release: (() => void) | undefined;
    const seen: unknown[] = [];
    void readable.pipeThrough(map((message) => message)).pipeTo(
      sink({
        write: (message) => {
          seen.push(message);
          return new Promise<void>((resolve) => (release = resolve));
        },
      }),
    );
    fill(server, "x");
    await waitFor(() => socket.stats().receivedMessages === 64);
    await settle();
    // What a stage takes on its own counts as read; a slow sink holds up the rest.
    expect(seen).toHaveLength(1);
    expect(socket.stats().unreadMessages).toBeGreaterThanOrEqual(61);
    const piped = fromIterable(Array.from({ length: 300 }, (_, index) => `${index}`)).pipeTo(
      writable,
      { preventClose: true },
    );
    await waitFor(() => server.unread.length === 64);
    await settle();
    expect(server.received).toBe(64);
    while (server.received < 300) {
      server.read(20);
      await settle();
    }
    await piped;
    expect(pumped()).toBeGreaterThan(before);
    release?.();
  });

  for (const end of ["close", "abort", "cancel", "terminate"] as const) {
    test(`settles everything on ${end} while both directions stall`, async () => {
      const { server, socket, readable, writable, peer } = await creditPair();
      fill(server, "x");
      await waitFor(() => socket.stats().unreadMessages === 64);
      const writer = writable.getWriter();
      const { stalled } = await writeUntilStalled(writer, "y");
      const write = outcome(stalled);
      const next = outcome(writer.write("next"));
      const video = socket.lane("video").getReader().read();
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
      expect(await write).toBe(isSent ? "resolved" : errors[end]);
      expect(await next).toBe(errors[end]);
      const isClean = end !== "terminate";
      expect(await outcome(socket.closed)).toBe(isClean ? "resolved" : "WebSocketError");
      expect(await outcome(video)).toBe(isClean ? "resolved" : "WebSocketError");
      expect(await isSettled(writer.closed)).toBe(true);
      // Its end of the socket is closed, not what had come.
      if (end === "close" || end === "abort") expect(await readAll(readable)).toHaveLength(64);
      if (end === "cancel") expect(socket.stats().dropped.reasons["cancelled"]?.chunks).toBe(64);
      expect(socket.stats().unreadMessages).toBe(0);
    });
  }
});

describe("a server that breaks the subprotocol", () => {
  const text = (control: string): string => `\u0010${control}`;
  const faults: Record<string, string[]> = {
    "a letter that is none": [text("Z")],
    "too few numbers": [text("L")],
    "a number with a leading zero": [text("L01")],
    "more than 256 bytes": [text(`N1,${"x".repeat(300)}`)],
    "a second hello": [text("V1,65536,64")],
    "a lane that was not named": [text("L7")],
    "the end of a lane that was not named": [text("E7")],
    "a lane named twice": [text("N1,a"), text("N1,b")],
    "a name for two lanes": [text("N1,a"), text("N2,a")],
    "lane 0 by name": [text("N0,a")],
    "a lane that ends twice": [text("N1,a"), text("E1"), text("E1")],
    "a message behind the end of its lane": [text("N1,a"), text("E1"), text("L1"), "late"],
    "an answer for what was not sent": [text("A0,1")],
    "an answer for a lane of its own": [text("N1,a"), text("A1,0")],
    "what only clients say": [text("S")],
  };
  for (const [name, messages] of Object.entries(faults)) {
    test(`is told so: ${name}`, async () => {
      const { socket, readable, writable, peer } = await creditPair();
      const closed = once(peer, "close");
      for (const message of messages) peer.send(message);
      expect(await outcome(readable.getReader().read())).toBe("SPW_ERR_PROTOCOL");
      expect(await outcome(writable.getWriter().closed)).toBe("SPW_ERR_PROTOCOL");
      expect((await closed)[0]).toBe(4002);
      expect(await socket.closed).toMatchObject({ closeCode: 4002 });
    });
  }

  for (const hello of ["V2,65536,64", "V1,65535,64", "V1,65536,63"]) {
    test(`is told so: the hello ${hello}`, async () => {
      const { socket, peer } = await openPair(await serve());
      peer.send(text(hello));
      expect(await socket.closed).toMatchObject({ closeCode: 4002 });
    });
  }

  test("is told so: an answer that takes one back", async () => {
    const { server, socket, writable } = await creditPair();
    await writeUntilStalled(writable.getWriter(), "x");
    server.read(64);
    server.say({ type: "answer", lane: 0, messages: 10 });
    expect(await socket.closed).toMatchObject({ closeCode: 4002 });
  });

  test("is told so: messages without credit, on any lane", async () => {
    for (const lane of [0, 1]) {
      const { server, socket, readable } = await creditPair();
      server.name(1, "video");
      const stream = lane === 0 ? readable : socket.lane("video");
      for (let index = 0; index < 65; index++) server.sendAnyway("x", lane);
      expect(await socket.closed).toEqual({ closeCode: 4008, reason: "SPW_ERR_CREDIT" });
      expect(await outcome(stream.getReader().read())).toBe("SPW_ERR_CREDIT");
    }
  });

  test("is told so: too many questions", async () => {
    const { server, socket } = await creditPair();
    server.send("x");
    for (let index = 0; index < 65; index++) server.ask();
    expect(await socket.closed).toEqual({ closeCode: 4008, reason: "SPW_ERR_CREDIT" });
  });

  test("joins answers for a server that asks and does not listen", async () => {
    const { server, socket, writable, peer } = await creditPair(
      {},
      { bytes: 1 << 30, messages: 64 },
    );
    peer.pause();
    // More than the kernels take.
    void writable.getWriter().write(new Uint8Array(32 << 20));
    const { bufferedAmount } = socket.stats();
    expect(bufferedAmount).toBeGreaterThan(1 << 20);
    for (let index = 0; index < 1000; index++) server.ask();
    server.say({ type: "gap", messages: 1 });
    await waitFor(() => socket.stats().missedMessages === 1);
    expect(socket.stats().bufferedAmount).toBeLessThanOrEqual(bufferedAmount ?? 0);
    peer.resume();
    const answers = (): number => server.heard.filter(({ type }) => type === "answer").length;
    await waitFor(() => answers() > 0);
    expect(answers()).toBe(1);
  });
});
