import { setImmediate as nextTurn } from "node:timers/promises";
import { isSettled, waitFor } from "@spillway/testing";
import { connectPeer, rawPeer, startRelay } from "@spillway/testing/node";
import type { Connection } from "@spillway/websocket";
import { describe, expect, onTestFinished, test } from "vitest";
import { outcome, serve } from "./support.ts";
import { bystander, closeCodeOf, framesOf } from "./trouble.ts";
import { type Watch, watch } from "./watch.ts";

const HIGH_WATER_MARK = 65_536;
const FLUSH_BATCH = 65_536;
const WINDOW = 65_536;
/** Of a window of 64 KiB, with its header. */
const FRAGMENT = WINDOW / 4 + 10;

const OPTIONS = { window: WINDOW, closeTimeoutMs: 500 };

/** What is written until the connection ends; every promise of it settles with one of `codes`. */
function produce(connection: Connection, size: number) {
  const seen = watch(connection);
  const writer = connection.writable.getWriter();
  const writes: Promise<unknown>[] = [];
  let filled = 0;
  const producing = (async () => {
    for (;;) {
      await writer.ready;
      writes.push(outcome(writer.write(new Uint8Array(size).fill(filled++ & 0xff))));
      seen.look();
    }
  })();
  return { seen, writer, writes, producing: outcome(producing) };
}

type Production = ReturnType<typeof produce>;

function expectBounds(seen: Watch, size: number, window: number = WINDOW): void {
  expect(seen.looks).toBeGreaterThan(0);
  expect(seen.bufferedBytes).toBeLessThanOrEqual(HIGH_WATER_MARK + FLUSH_BATCH + size);
  expect(seen.queuedBytes).toBeLessThanOrEqual(HIGH_WATER_MARK + size + 10);
  expect(seen.inFlightBytes).toBeLessThanOrEqual(window + FRAGMENT);
  expect(seen.inFlightBytes).toBeGreaterThan(0);
}

/** All of it has ended with this error, and the account is back at zero. */
async function expectEnd(
  connection: Connection,
  { writer, writes, producing }: Production,
  code: string,
  signalled: string = code,
): Promise<void> {
  await connection.closed;
  expect(connection.signal.reason).toMatchObject({ code: signalled });
  expect(await producing).toBe(code);
  expect(await outcome(writer.closed)).toBe(code);
  expect(await outcome(writer.ready)).toBe(code);
  const outcomes = new Set(await Promise.all(writes));
  outcomes.delete("resolved");
  expect([...outcomes]).toEqual(outcomes.size === 0 ? [] : [code]);
  await waitFor(() => connection.stats().bufferedBytes === 0, { message: "an empty socket" });
  expect(connection.stats()).toMatchObject({ queuedBytes: 0, receiveQueuedBytes: 0 });
}

const stall = (connection: Connection): Promise<void> =>
  waitFor(() => connection.stats().stalledForMs > 50, { timeoutMs: 15_000, message: "the stall" });

describe("a peer that does not read", () => {
  test.each([
    ["in chunks of 1,000 bytes", 1_000, OPTIONS],
    ["in chunks of 300,000 bytes", 300_000, OPTIONS],
    ["without a window", 50_000, { ...OPTIONS, window: false as const }],
  ])("is held to the bounds and dropped, %s", async (_what, size, options) => {
    const server = await serve(options);
    const beside = await bystander(server);
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const production = produce(connection, size);
    await stall(connection);
    await beside.unharmed();
    if (options.window) expectBounds(production.seen, size);
    const most = HIGH_WATER_MARK + FLUSH_BATCH + size;
    expect(production.seen.bufferedBytes).toBeLessThanOrEqual(most);
    // Its Close cannot be read: the producer ends with our goodbye, the handshake with its deadline.
    connection.close({ drain: "discard" });
    await expectEnd(connection, production, "SPW_ERR_CLOSED", "SPW_ERR_TIMEOUT");
    expect(await connection.closed).toMatchObject({ wasClean: false });
    peer.vanish();
    await beside.unharmed();
  });
});

describe("a peer that reads slowly", () => {
  test("gets everything whole and in order at its pace", async () => {
    const server = await serve(OPTIONS);
    const beside = await bystander(server);
    const peer = await connectPeer(server.url, { read: { bytesPerSecond: 2 << 20 } });
    const connection = await server.next();
    const production = produce(connection, 30_000);
    const received = (await peer.collect(100)) as Uint8Array[];
    await beside.unharmed();
    for (const [index, message] of received.entries()) {
      expect(message.byteLength).toBe(30_000);
      expect([message[0], message.at(-1)]).toEqual([index, index]);
    }
    expectBounds(production.seen, 30_000);
    // What it has not read is in the window and the account, not more.
    const { sentBytes } = connection.stats();
    expect(sentBytes - peer.received.bytes).toBeLessThan(WINDOW + FRAGMENT + 131_072);
    connection.terminate();
    await expectEnd(connection, production, "SPW_ERR_ABORTED");
    await beside.unharmed();
  });

  test("stops, goes on and stops again: nothing is lost, and the bounds hold", async () => {
    const server = await serve(OPTIONS);
    const beside = await bystander(server);
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const firsts: (number | undefined)[] = [];
    peer.onMessage((message) => firsts.push((message as Uint8Array)[0]));
    const production = produce(connection, 20_000);
    for (let round = 1; round <= 3; round++) {
      await waitFor(() => firsts.length > round * 50, { message: `messages of round ${round}` });
      peer.freeze();
      await stall(connection);
      await waitFor(() => connection.state === "frozen", { message: "the verdict" });
      peer.thaw();
    }
    await beside.unharmed();
    expect(firsts).toEqual(firsts.map((_, index) => index & 0xff));
    expectBounds(production.seen, 20_000);
    peer.close(1000);
    await expectEnd(connection, production, "SPW_ERR_CLOSED");
    await beside.unharmed();
  });
});

describe("a peer that resets", () => {
  test("half-way through a frame of its own", async () => {
    const server = await serve(OPTIONS);
    const beside = await bystander(server);
    const peer = await rawPeer(server.url);
    const connection = await server.next();
    const writer = connection.writable.getWriter();
    const reading = connection.readable.getReader().read();
    const half = Buffer.alloc(14 + 5_000);
    half.set([0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0x27, 0x10]);
    await peer.sendBytes(half);
    await waitFor(() => connection.request.socket.bytesRead >= half.byteLength, {
      message: "half a frame",
    });
    peer.reset();
    expect(await connection.closed).toEqual({ closeCode: 1006, reason: "", wasClean: false });
    const error: unknown = connection.signal.reason;
    expect(error).toMatchObject({ code: "SPW_ERR_RESET" });
    expect(await reading.catch((reason: unknown) => reason)).toBe(error);
    expect(await writer.closed.catch((reason: unknown) => reason)).toBe(error);
    expect(connection.stats()).toMatchObject({ receivedMessages: 0, receiveQueuedBytes: 0 });
    await beside.unharmed();
  });

  test("half-way through a message of ours", async () => {
    const server = await serve(OPTIONS);
    const beside = await bystander(server);
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const production = produce(connection, 1_000_000);
    await stall(connection);
    const { sentBytes, sentMessages } = connection.stats();
    expect([sentBytes > 0, sentMessages]).toEqual([true, 0]);
    peer.reset();
    await expectEnd(connection, production, "SPW_ERR_RESET");
    expectBounds(production.seen, 1_000_000);
    await beside.unharmed();
  });

  test("while a pipe is stalled by it: the pipe rejects and its source is cancelled", async () => {
    const server = await serve(OPTIONS);
    const beside = await bystander(server);
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const seen = watch(connection);
    let cancelledWith: unknown;
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(40_000)),
      cancel: (reason) => {
        cancelledWith = reason;
      },
    });
    const piping = outcome(source.pipeTo(connection.writable));
    await stall(connection);
    peer.reset();
    expect(await piping).toBe("SPW_ERR_RESET");
    await connection.closed;
    expect(cancelledWith).toBe(connection.signal.reason);
    expectBounds(seen, 40_000);
    expect(connection.stats().queuedBytes).toBe(0);
    await beside.unharmed();
  });
});

describe("a peer that is gone without a word", () => {
  const heartbeat = { everyMs: 100, deadlineMs: 5_000 };

  test("is given up by the heartbeat: everything errors with SPW_ERR_TIMEOUT", async () => {
    const server = await serve({ ...OPTIONS, heartbeat });
    const beside = await bystander(server);
    const relay = await startRelay(server.url);
    onTestFinished(() => relay.close());
    const busyPeer = await connectPeer(relay.url);
    const busy = await server.next();
    const idlePeer = await connectPeer(relay.url);
    const idle = await server.next();
    const reading = outcome(idle.readable.getReader().read());
    const production = produce(busy, 10_000);
    await waitFor(() => busyPeer.received.messages > 20, { message: "traffic" });

    relay.cut();
    busyPeer.vanish();
    idlePeer.vanish();
    const started = performance.now();
    await expectEnd(busy, production, "SPW_ERR_TIMEOUT");
    expect(await idle.closed).toEqual({ closeCode: 1006, reason: "", wasClean: false });
    expect(performance.now() - started).toBeGreaterThan(heartbeat.deadlineMs - 500);
    expect(await reading).toBe("SPW_ERR_TIMEOUT");
    expectBounds(production.seen, 10_000);
    await beside.unharmed();
  }, 30_000);

  test("is not mistaken for one that was away for less than the deadline", async () => {
    const server = await serve({ ...OPTIONS, heartbeat });
    const relay = await startRelay(server.url);
    onTestFinished(() => relay.close());
    const peer = await connectPeer(relay.url);
    const connection = await server.next();
    const production = produce(connection, 10_000);
    await waitFor(() => peer.received.messages > 20, { message: "traffic" });
    relay.cut();
    await waitFor(() => connection.stats().stalledForMs > 1_000, { message: "the silence" });
    expect(await isSettled(connection.closed)).toBe(false);
    const before = peer.received.messages;
    relay.mend();
    await waitFor(() => peer.received.messages > before + 50, { message: "more traffic" });
    connection.terminate();
    await expectEnd(connection, production, "SPW_ERR_ABORTED");
  }, 30_000);
});

describe("a peer that floods with pings", () => {
  const ping = Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0, ...Buffer.alloc(125, "p")]);

  /** Sends pings in pieces that the server reads one by one, so that each is answered in time. */
  async function floodSlowly(url: string, next: () => Promise<Connection>) {
    const peer = await rawPeer(url);
    const connection = await next();
    const { socket } = connection.request;
    const burst = Buffer.concat(Array<Buffer>(40).fill(ping));
    let sent = 0;
    let most = 0;
    const flood = async (count: number): Promise<void> => {
      for (let pings = 0; pings < count && !socket.destroyed; pings += 40) {
        const upTo = socket.bytesRead + burst.byteLength;
        await peer.sendBytes(burst).catch(() => {});
        await waitFor(() => socket.bytesRead >= upTo || socket.destroyed, { message: "a read" });
        most = Math.max(most, socket.writableLength);
        sent += 40;
      }
    };
    return { peer, connection, flood, sent: () => sent, mostHeld: () => most };
  }

  test("all at once is dropped by ws after 60, whatever we were sending", async () => {
    const server = await serve(OPTIONS);
    const beside = await bystander(server);
    const peer = await rawPeer(server.url);
    const connection = await server.next();
    const production = produce(connection, 1_000);
    await stall(connection);
    await peer.sendBytes(Buffer.concat(Array<Buffer>(20_000).fill(ping))).catch(() => {});
    await expectEnd(connection, production, "SPW_ERR_RESET");
    expect(await connection.closed).toMatchObject({ closeCode: 1006, wasClean: false });
    expect(connection.request.socket.bytesRead).toBeLessThan(1 << 20);
    expectBounds(production.seen, 1_000);
    await beside.unharmed();
  });

  test("that it paces survives while it reads, and every ping is answered", async () => {
    const server = await serve(OPTIONS);
    const beside = await bystander(server);
    const { peer, connection, flood, mostHeld } = await floodSlowly(server.url, server.next);
    const frames = framesOf(peer);
    await flood(10_000);
    const pongs = (): number => frames().filter(({ opcode }) => opcode === 10).length;
    await waitFor(() => pongs() === 10_000, { message: "10,000 pongs" });
    expect(mostHeld()).toBeLessThan(60 * 127);
    expect(connection.state).toBe("healthy");
    connection.terminate();
    await beside.unharmed();
  }, 30_000);

  test("whose pongs it never reads is dropped once the kernel is full", async () => {
    const server = await serve(OPTIONS);
    const beside = await bystander(server);
    const flooder = await floodSlowly(server.url, server.next);
    const { connection, flood, mostHeld, sent } = flooder;
    const reading = outcome(connection.readable.getReader().read());
    await flood(200_000);
    expect(await connection.closed).toMatchObject({ closeCode: 1006, wasClean: false });
    expect(sent()).toBeGreaterThan(1_000);
    expect(await reading).toBe("SPW_ERR_RESET");
    // 60 pongs wait and no more.
    expect(mostHeld()).toBeLessThanOrEqual(60 * 127);
    await beside.unharmed();
  }, 60_000);
});

describe("a peer that never ends its message", () => {
  test.each([
    ["fragments of 1,000 bytes: 1009 past maxMessageBytes", 1_000, 1009],
    ["empty fragments: 1008 past the maxFragments of ws", 0, 1008],
  ])("%s", async (_what, size, closeCode) => {
    const server = await serve({ maxMessageBytes: 100_000 }, 100_000);
    const beside = await bystander(server);
    const peer = await rawPeer(server.url);
    const frames = framesOf(peer);
    const connection = await server.next();
    const reading = outcome(connection.readable.getReader().read());
    const writer = connection.writable.getWriter();
    const { socket } = connection.request;
    const fragment = Buffer.alloc(size < 126 ? 6 + size : 8 + size);
    fragment.set(size < 126 ? [0, 0x80 | size] : [0, 0x80 | 126, size >> 8, size & 0xff]);
    const burst = Buffer.concat(Array<Buffer>(50).fill(fragment));
    await peer.sendFrame({ opcode: 2, fin: false });
    let sent = 0;
    while (!socket.destroyed && !connection.signal.aborted && sent < 100_000) {
      await peer.sendBytes(burst).catch(() => {});
      // The kernel takes it at once, and then no turn of the event loop would pass.
      await nextTurn();
      sent += 50;
    }
    expect(sent).toBeLessThan(100_000);
    expect(await reading).toBe("SPW_ERR_MESSAGE_TOO_BIG");
    expect(await outcome(writer.closed)).toBe("SPW_ERR_MESSAGE_TOO_BIG");
    expect(await connection.closed).toMatchObject({ closeCode, wasClean: false });
    await peer.closed;
    expect(closeCodeOf(frames())).toBe(closeCode);
    expect(connection.stats()).toMatchObject({ receivedMessages: 0, receiveQueuedBytes: 0 });
    await beside.unharmed();
  });
});
