import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { fromIterable, Gap } from "@spillway/streams";
import { frame, handleProtocols } from "@spillway/websocket";
import { waitFor } from "@spillway/testing";
import { connectPeer } from "@spillway/testing/node";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { CreditPeer } from "./credit-peer.ts";
import { outcome, serve } from "./support.ts";

const KB = new Uint8Array(1_024);

/** Writes as fast as `ready` allows, and counts what it has written. */
function flood(
  writable: WritableStream,
  chunk: unknown,
  limit: number = 10_000,
): { count: number } {
  const written = { count: 0 };
  const writer = writable.getWriter();
  const write = async (): Promise<void> => {
    while (written.count < limit) {
      await writer.ready;
      void writer.write(chunk);
      written.count++;
    }
  };
  void outcome(write());
  return written;
}

async function settled(connection: { stats(): { sentMessages: number } }): Promise<number> {
  let last = -1;
  let turns = 0;
  await waitFor(
    () => {
      const { sentMessages } = connection.stats();
      turns = sentMessages === last ? turns + 1 : 0;
      last = sentMessages;
      return turns > 50;
    },
    { message: "a stall" },
  );
  return last;
}

describe("a peer with credit", () => {
  test("is told of the credit first, and the application of its own protocol", async () => {
    const server = await serve({ highWaterMark: 100_000 });
    const peer = await CreditPeer.connect(server.url, ["spillway.v1.chat", "chat"]);
    const connection = await server.next();
    expect(connection.protocol).toBe("chat");
    await waitFor(() => peer.heard.length > 0);
    expect(peer.heard[0]).toEqual({
      control: { type: "hello", version: 1, bytes: 100_000, messages: 1_024 },
    });
    expect(connection.stats()).toMatchObject({ acknowledgedBy: "credit", lanes: [] });
  });

  test("that speaks another protocol is none", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url, { protocols: ["chat"] });
    const received = peer.collect(1);
    const connection = await server.next();
    connection.send("\u0010as it is");
    expect(await received).toEqual(["\u0010as it is"]);
    expect(connection.stats().lanes).toBeUndefined();
  });

  test("that reads nothing is sent its credit, and no more", async () => {
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    peer.hello(100_000, 1_000);
    flood(connection.writable, KB);
    await settled(connection);
    const { inFlightBytes = 0, lanes } = connection.stats();
    expect(inFlightBytes).toBeGreaterThan(0);
    expect(inFlightBytes).toBeLessThanOrEqual(100_000 + KB.byteLength);
    expect(lanes).toHaveLength(1);
    await waitFor(() => connection.state === "frozen", { message: "frozen" });
    expect(connection.stats().stalledForMs).toBeGreaterThan(0);
    // It goes on as far as is read, one message at a time.
    const before = connection.stats().sentMessages;
    await peer.readAll(before);
    await waitFor(() => connection.stats().sentMessages > before, { message: "more" });
    expect(connection.state).not.toBe("frozen");
  });

  test("that reads little, but steadily, is not taken for frozen", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    peer.hello();
    flood(connection.writable, KB);
    await settled(connection);
    const states: string[] = [];
    for (let second = 0; second < 40; second++) {
      vi.advanceTimersByTime(1_000);
      // Until the first answer nobody knows how slowly it reads.
      if (second > 0) states.push(connection.state);
      peer.read(1);
      // What an answer leads to, and what is said to that.
      for (const _ of ["there", "and back"]) {
        const answered = once(peer.socket, "pong");
        peer.socket.ping();
        await answered;
      }
    }
    expect(states).not.toContain("frozen");
  });

  test("may leave so many messages unread, however short", async () => {
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    flood(connection.writable, "");
    expect(await settled(connection)).toBe(64);
    peer.hello(65_536, 100);
    await waitFor(() => connection.stats().sentMessages === 100, { message: "the rest" });
    await peer.readAll(100);
    await waitFor(() => connection.stats().sentMessages > 100, { message: "more" });
  });

  test("gets a message longer than its credit, alone and whole", async () => {
    const server = await serve({ window: 65_536 });
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    peer.hello();
    const writer = connection.writable.getWriter();
    const large = Buffer.alloc(500_000, 7);
    const second = writer.write(large).then(() => writer.write("behind"));
    const [first] = await peer.readAll(1);
    expect(large.equals(first as Uint8Array)).toBe(true);
    expect(await peer.readAll(1)).toEqual(["behind"]);
    await second;
  });

  test("gets texts that begin like control messages as they are", async () => {
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    peer.hello();
    const texts = ["\u0010", "\u0010Q", "\u0010\u0010L1", "a\u0010"];
    const expected = texts.flatMap((text) => [text, text, text + "x".repeat(100_000)]);
    const received = peer.readAll(expected.length);
    const writer = connection.writable.getWriter();
    for (const text of texts) {
      await writer.write(text);
      await writer.write(frame(text));
      await writer.write(text + "x".repeat(100_000));
    }
    expect(await received).toEqual(expected);
    const reader = connection.readable.getReader();
    peer.socket.send("\u0010\u0010Q");
    expect(await reader.read()).toEqual({ done: false, value: "\u0010Q" });
  });

  test("has said nothing of the protocol before its hello, whatever it looks like", async () => {
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    const reader = connection.readable.getReader();
    peer.socket.send("\u0010X");
    expect(await reader.read()).toEqual({ done: false, value: "\u0010X" });
    peer.hello();
    peer.socket.send("\u0010X");
    await expect(reader.read()).rejects.toMatchObject({ code: "SPW_ERR_PROTOCOL" });
  });

  test("echoes, both ends writing flat out and reading late", async () => {
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    peer.hello();
    void outcome(connection.readable.pipeTo(connection.writable));
    const messages = 3_000;
    let sent = 0;
    let read = 0;
    const timeoutMs = 20_000;
    await waitFor(
      () => {
        // A quarter of what it was given, and asks each time.
        const answers = peer.said("answer").length;
        while (sent < messages && sent < (answers + 1) * 16) {
          peer.socket.send(KB);
          if (++sent % 16 === 0) peer.say({ type: "ask" });
        }
        read += peer.read(8).length;
        return read === messages;
      },
      { message: "the echo", timeoutMs },
    );
    expect(connection.stats().dropped.chunks).toBe(0);
  });
});

describe("lanes of a peer with credit", () => {
  test("are told apart, and one that nobody reads holds up no other", async () => {
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    peer.hello(65_536, 64);
    const film = connection.lane({ name: "video" });
    flood(film, KB);
    flood(connection.writable, "main");
    const news = connection.lane({ name: "telemetry" });
    const telemetry = news.getWriter();
    await settled(connection);
    expect(peer.said("name")).toEqual([
      { type: "name", lane: 1, name: "video" },
      { type: "name", lane: 2, name: "telemetry" },
    ]);
    for (let count = 0; count < 500; count++) {
      await telemetry.ready;
      await telemetry.write(`reading ${count}`);
      if (count % 10 === 0) await peer.readAll(1, 2);
    }
    await waitFor(() => film.stats().state === "frozen", { message: "a frozen lane" });
    expect(film.stats().congestion).toBeGreaterThan(0);
    await telemetry.write("another");
    await peer.readAll(1, 2);
    expect(news.stats()).toMatchObject({ name: "telemetry", state: "healthy" });
    expect(connection.state).not.toBe("frozen");
    const lanes = connection.stats().lanes ?? [];
    expect(lanes.map(({ name }) => name).toSorted()).toEqual(["", "telemetry", "video"]);
    for (const { inFlightBytes, inFlightMessages } of lanes) {
      expect(inFlightBytes).toBeLessThanOrEqual(65_536 + KB.byteLength);
      expect(inFlightMessages).toBeLessThanOrEqual(64);
    }
    const video = peer.unread.get(1)?.length ?? 0;
    expect(video).toBeGreaterThan(10);
    await peer.readAll(video + 1, 1);
  });

  test("end by themselves, and their names are free again", async () => {
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    peer.hello();
    const writer = connection.lane({ name: "film" }).getWriter();
    expect(() => connection.lane({ name: "film" })).toThrow(
      expect.objectContaining({ code: "SPW_ERR_OPTION" }),
    );
    await writer.write("last");
    await writer.close();
    const again = connection.lane({ name: "film" }).getWriter();
    await again.write("first");
    await again.abort(new Error("gone"));
    connection.send("main");
    await peer.readAll(1);
    const heard = peer.heard.filter((one) => !("control" in one) || one.control.type !== "ask");
    expect(heard.slice(1)).toEqual([
      { control: { type: "name", lane: 1, name: "film" } },
      { control: { type: "select", lane: 1 } },
      { lane: 1, data: "last" },
      { control: { type: "end", lane: 1 } },
      { control: { type: "name", lane: 2, name: "film" } },
      { control: { type: "select", lane: 2 } },
      { lane: 2, data: "first" },
      { control: { type: "end", lane: 2 } },
      { control: { type: "select", lane: 0 } },
      { lane: 0, data: "main" },
    ]);
  });

  test("are not opened between the pieces of a message", async () => {
    const server = await serve({ window: 65_536, highWaterMark: 16_384 });
    const peer = await CreditPeer.connect(server.url);
    peer.socket.pause();
    const connection = await server.next();
    peer.hello();
    const large = Buffer.alloc(8_000_000, 7);
    void outcome(connection.writable.getWriter().write(large));
    await waitFor(() => connection.stats().sentBytes > 0, { message: "the first piece" });
    void outcome(connection.lane({ name: "late" }).getWriter().write("hello"));
    peer.socket.resume();
    const [whole] = await peer.readAll(1);
    expect(large.equals(whole as Uint8Array)).toBe(true);
    expect(await peer.readAll(1, 1)).toEqual(["hello"]);
  });

  test("that are given up while a message is compressed end without it", async () => {
    const server = await serve({}, undefined, { perMessageDeflate: true });
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    peer.hello();
    const film = connection.lane({ name: "film" }).getWriter();
    const written = outcome(film.write("film ".repeat(200_000)));
    await waitFor(() => peer.said("select").length === 1, { message: "its turn" });
    await film.abort(new Error("gone"));
    await connection.writable.getWriter().write("main");
    await peer.readAll(1);
    expect(await written).not.toBe("resolved");
    expect(peer.said("end")).toEqual([{ type: "end", lane: 1 }]);
    expect(peer.heard.flatMap((one) => ("data" in one ? [one.lane] : []))).toEqual([0]);
    expect(connection.stats()).toMatchObject({ queuedBytes: 0, dropped: { chunks: 1 } });
  });

  test("names are 1 to 64 characters", async () => {
    const server = await serve();
    await CreditPeer.connect(server.url);
    const connection = await server.next();
    for (const name of ["", "x".repeat(65), 7 as unknown as string]) {
      expect(() => connection.lane({ name })).toThrow(
        expect.objectContaining({ code: "SPW_ERR_OPTION" }),
      );
    }
  });
});

describe("what a peer with credit is told", () => {
  test("gaps, where they are", async () => {
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    peer.hello();
    const film = fromIterable(["a", new Gap(2, 0, "overflow"), "b"]);
    await film.pipeTo(connection.lane({ name: "film" }));
    const writer = connection.writable.getWriter();
    void writer.write("main");
    await writer.write(new Gap(3, 0, "overflow"));
    await waitFor(() => peer.said("gap").length === 2, { message: "both gaps" });
    const heard = peer.heard.filter((one) => {
      return "data" in one || one.control.type === "gap";
    });
    expect(heard).toEqual([
      { lane: 1, data: "a" },
      { control: { type: "gap", messages: 2 } },
      { lane: 1, data: "b" },
      { lane: 0, data: "main" },
      { control: { type: "gap", messages: 3 } },
    ]);
  });

  test("gaps are nothing to any other peer", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const received = peer.collect(2);
    const writer = (await server.next()).writable.getWriter();
    void writer.write("a");
    void writer.write(new Gap(3, 0, "overflow"));
    await writer.write("b");
    expect(await received).toEqual(["a", "b"]);
  });

  test("asks for something whole, and the lane's owner hears of it", async () => {
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    const asked: string[] = [];
    peer.hello();
    for (const name of ["film", "news"]) {
      connection.lane({ name, onResync: () => void asked.push(name) });
    }
    peer.say({ type: "resync", lane: 2 });
    peer.say({ type: "resync", lane: 0 });
    peer.say({ type: "resync", lane: 1 });
    await waitFor(() => asked.length === 2, { message: "both" });
    expect(asked).toEqual(["news", "film"]);
  });
});

describe("what onResync throws", () => {
  test("is reported as uncaught, and the connection goes on", async () => {
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    const broke = new Error("broke");
    connection.lane({
      onResync: () => {
        throw broke;
      },
    });
    const caught: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => caught.push(error));
    try {
      peer.hello();
      peer.say({ type: "resync", lane: 0 });
      await waitFor(() => caught.length > 0, { message: "the report" });
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
    expect(caught).toEqual([broke]);
    await connection.writable.getWriter().write("goes on");
    expect(await peer.readAll(1)).toEqual(["goes on"]);
  });
});

describe("handleProtocols()", () => {
  const choose = handleProtocols((offered) => (offered.has("chat") ? "chat" : false));
  const request = {} as IncomingMessage;

  test.each<[string[], string | false]>([
    [["spillway.v1.soap", "spillway.v1.chat", "soap", "chat"], "spillway.v1.chat"],
    [["soap", "chat"], "chat"],
    [["spillway.v1", "soap"], "spillway.v1"],
    [["spillway.v1"], "spillway.v1"],
    [["spillway.v1.soap", "soap"], false],
    [["soap"], false],
  ])("of %j picks %s", (offered, picked) => {
    expect(choose(new Set(offered), request)).toBe(picked);
  });

  test("wants a function", () => {
    expect(() => handleProtocols("chat" as never)).toThrow(
      expect.objectContaining({ code: "SPW_ERR_OPTION" }),
    );
  });
});

describe("a peer that suspends", () => {
  test("does not move because it is pinged", async () => {
    const server = await serve({ heartbeat: { everyMs: 100, deadlineMs: 60_000 } });
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    peer.hello();
    peer.say({ type: "suspend" });
    await waitFor(() => connection.state === "frozen", { message: "the suspension" });
    flood(connection.writable, KB);
    let pings = 0;
    peer.socket.on("ping", () => pings++);
    await waitFor(() => pings > 4, { message: "pings" });
    expect(connection.stats().stalledForMs).toBeGreaterThan(350);
  });

  test("is sent nothing until it resumes", async () => {
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    peer.hello();
    peer.say({ type: "suspend" });
    const reader = connection.readable.getReader();
    peer.socket.send("suspended");
    await reader.read();
    expect(connection.send("refused")).toBe(false);
    expect(connection.state).toBe("frozen");
    const written = connection.writable.getWriter().write("kept");
    peer.say({ type: "resume" });
    await written;
    expect(await peer.readAll(1)).toEqual(["kept"]);
    expect(connection.stats().dropped.reasons).toEqual({ refused: { chunks: 1, size: 9 } });
  });
});

describe("a peer that breaks the protocol", () => {
  const faults: readonly [string, number, string, (peer: CreditPeer) => void][] = [
    ["an unknown message", 1002, "SPW_ERR_PROTOCOL", ({ socket }) => socket.send("\u0010X1")],
    ["another version", 1002, "SPW_ERR_PROTOCOL", ({ socket }) => socket.send("\u0010V2,65536,64")],
    ["too little credit", 1002, "SPW_ERR_PROTOCOL", (peer) => peer.hello(65_535)],
    [
      "a second hello",
      1002,
      "SPW_ERR_PROTOCOL",
      (peer) => {
        peer.hello();
        peer.hello();
      },
    ],
    [
      "an answer to nothing",
      1002,
      "SPW_ERR_PROTOCOL",
      (peer) => peer.say({ type: "answer", lane: 0, messages: 1 }),
    ],
    [
      "an answer for no lane",
      1002,
      "SPW_ERR_PROTOCOL",
      (peer) => peer.say({ type: "answer", lane: 3, messages: 0 }),
    ],
    [
      "what only a server says",
      1002,
      "SPW_ERR_PROTOCOL",
      (peer) => peer.say({ type: "select", lane: 0 }),
    ],
    [
      "more bytes than its credit",
      1008,
      "SPW_ERR_CREDIT",
      ({ socket }) => {
        for (let count = 0; count < 65; count++) socket.send(KB);
      },
    ],
    [
      "more messages than its credit",
      1008,
      "SPW_ERR_CREDIT",
      ({ socket }) => {
        for (let count = 0; count <= 1_024; count++) socket.send("");
      },
    ],
    [
      "more questions than are allowed",
      1008,
      "SPW_ERR_CREDIT",
      (peer) => {
        peer.socket.send("unread");
        for (let count = 0; count <= 64; count++) peer.say({ type: "ask" });
      },
    ],
  ];

  test.each(faults)("with %s is closed with %i", async (what, closeCode, code, fault) => {
    const introduces = !/version|little|second/u.test(what);
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    const reading = outcome(
      connection.readable.pipeTo(new WritableStream({}, { highWaterMark: 0 })),
    );
    const closed = once(peer.socket, "close") as Promise<[number]>;
    if (introduces) peer.hello();
    fault(peer);
    expect((await closed)[0]).toBe(closeCode);
    expect(await connection.closed).toMatchObject({ closeCode });
    expect(connection.signal.reason).toMatchObject({ code });
    await reading;
  });

  test("by asking and asking costs no memory, though it takes no answer", async () => {
    const server = await serve();
    const peer = await CreditPeer.connect(server.url);
    const connection = await server.next();
    peer.hello();
    peer.socket.pause();
    for (let round = 0; round < 50; round++) {
      for (let count = 0; count < 5_000; count++) peer.say({ type: "ask" });
      await new Promise((resolve) => {
        peer.socket.ping("", undefined, resolve);
      });
    }
    await waitFor(() => connection.stats().sentBytes > 0, { message: "answers" });
    await settled(connection);
    expect(connection.stats().bufferedBytes).toBeLessThan(70_000);
  });
});
