import { once } from "node:events";
import { waitFor } from "@spillway/testing";
import { connectPeer } from "@spillway/testing/node";
import { frame } from "@spillway/websocket";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { outcome, serve } from "./support.ts";
import { bystander } from "./trouble.ts";

const transferred = (): Uint8Array<ArrayBuffer> => {
  const view = new Uint8Array(8);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
};

/** What is no message, made anew for each way to send it. */
const NO_MESSAGES: [string, () => unknown][] = [
  ["a number", () => 42],
  ["a boolean", () => true],
  ["a bigint", () => 1n],
  ["a symbol", () => Symbol("chunk")],
  ["undefined", () => undefined],
  ["null", () => null],
  ["an object", () => ({ type: "text", payload: "x" })],
  ["an array of bytes", () => [1, 2, 3]],
  ["a String object", () => Object("text")],
  ["a Blob", () => new Blob(["x"])],
  ["a function", () => () => "x"],
  ["a detached buffer", () => transferred().buffer],
  ["a view of a detached buffer", () => transferred()],
  ["a DataView of shared memory", () => new DataView(new SharedArrayBuffer(8))],
  ["an empty view of shared memory", () => new Uint8Array(new SharedArrayBuffer(0))],
];

describe("what is no message", () => {
  test.each(NO_MESSAGES)("%s ends a pipe and the connection with SPW_ERR_CHUNK", async (...row) => {
    const [, make] = row;
    const server = await serve();
    const beside = await bystander(server);
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const received = peer.collect(1);
    let cancelledWith: unknown;
    const chunks = ["fine", make()] as string[];
    let next = 0;
    const source = new ReadableStream<string>(
      {
        pull: (controller) => controller.enqueue(chunks[next++] as string),
        cancel: (reason) => {
          cancelledWith = reason;
        },
      },
      { highWaterMark: 0 },
    );
    expect(await outcome(source.pipeTo(connection.writable))).toBe("SPW_ERR_CHUNK");
    expect(cancelledWith).toBe(connection.signal.reason);
    expect(await received).toEqual(["fine"]);
    expect(await peer.closed).toMatchObject({ closeCode: 1011 });
    expect(await connection.closed).toMatchObject({ closeCode: 1011 });
    expect(connection.stats()).toMatchObject({ queuedBytes: 0, bufferedBytes: 0 });
    await beside.unharmed();
  });

  test.each(NO_MESSAGES)("%s is refused by send(), frame() and a lane", async (_what, make) => {
    const server = await serve();
    await connectPeer(server.url);
    const connection = await server.next();
    const coded = expect.objectContaining({ code: "SPW_ERR_CHUNK" });
    expect(() => connection.send(make() as string)).toThrow(coded);
    expect(() => frame(make() as string)).toThrow(coded);
    expect(connection.state).toBe("healthy");
    const writer = connection.lane().getWriter();
    const writes = [outcome(writer.write("fine")), outcome(writer.write(make() as string))];
    expect(await Promise.all(writes)).toContain("SPW_ERR_CHUNK");
    expect(connection.signal.reason).toEqual(coded);
    await connection.closed;
    expect(connection.stats()).toMatchObject({ queuedBytes: 0, bufferedBytes: 0 });
  });

  test.each([
    ["while it waits for its turn", 1_000],
    ["while it waits to be cut in pieces", 200_000],
  ])("a buffer that is transferred %s harms nobody else", async (_what, size) => {
    const server = await serve({ window: 65_536 });
    const beside = await bystander(server);
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const writer = connection.writable.getWriter();
    const first = outcome(writer.write(new Uint8Array(100_000)));
    const chunk = new Uint8Array(size);
    const second = outcome(writer.write(chunk));
    await waitFor(() => connection.stats().stalledForMs > 50, { message: "the stall" });
    structuredClone(chunk.buffer, { transfer: [chunk.buffer] });
    peer.thaw();
    expect(await first).toBe("resolved");
    expect(await second).toBe("SPW_ERR_CHUNK");
    await connection.closed;
    expect(connection.stats()).toMatchObject({ queuedBytes: 0, bufferedBytes: 0 });
    await beside.unharmed();
  });

  test("a buffer that is transferred while its pieces leave harms nobody else", async () => {
    const server = await serve({ window: 65_536 });
    const beside = await bystander(server);
    const peer = await connectPeer(server.url, { read: "never" });
    const connection = await server.next();
    const writer = connection.writable.getWriter();
    const chunk = new Uint8Array(1_000_000);
    const writing = outcome(writer.write(chunk));
    await waitFor(() => connection.stats().stalledForMs > 50, { message: "the stall" });
    structuredClone(chunk.buffer, { transfer: [chunk.buffer] });
    peer.thaw();
    expect(await writing).toBe("SPW_ERR_CHUNK");
    await connection.closed;
    expect(connection.stats()).toMatchObject({ queuedBytes: 0, bufferedBytes: 0 });
    await beside.unharmed();
  });
});

describe("a write after the end", () => {
  test.each([
    ["close()", "SPW_ERR_CLOSED"],
    ["terminate()", "SPW_ERR_ABORTED"],
    ["a reset", "SPW_ERR_RESET"],
    ["the peer's Close", "SPW_ERR_CLOSED"],
  ])("by %s rejects at once with %s, however it is sent", async (end, code) => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const writer = connection.writable.getWriter();
    const lane = connection.lane().getWriter();
    if (end === "close()") connection.close();
    else if (end === "terminate()") connection.terminate();
    else if (end === "a reset") peer.reset();
    else peer.close(1000);
    await connection.closed;
    const late = [writer, lane, connection.lane().getWriter()];
    for (const one of late) {
      expect(await outcome(one.write("late"))).toBe(code);
      expect(await outcome(one.ready)).toBe(code);
      expect(await outcome(one.closed)).toBe(code);
      expect(one.desiredSize).toBeNull();
    }
    expect(connection.send("late")).toBe(false);
    const piping = new Blob(["late"]).stream().pipeTo(connection.lane());
    expect(await outcome(piping)).toBe(code);
    expect(connection.stats()).toMatchObject({ queuedBytes: 0, bufferedBytes: 0, sentBytes: 0 });
  });

  test("by writer.close() rejects, and what was written before arrives", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const received = peer.collect(1);
    const writer = connection.writable.getWriter();
    void writer.write("before");
    const closing = writer.close();
    const late = await writer.write("late").catch((error: unknown) => error);
    expect(late).toBeInstanceOf(TypeError);
    expect(await received).toEqual(["before"]);
    expect(await outcome(closing)).toBe("resolved");
    expect(await outcome(writer.closed)).toBe("resolved");
    expect(connection.stats()).toMatchObject({ queuedBytes: 0, bufferedBytes: 0, sentMessages: 1 });
  });
});

describe("a message that is larger than the peer takes", () => {
  test.each([2_000, 500_000])("of %i bytes: its 1009 is told, the rest dropped", async (size) => {
    const server = await serve({ window: 65_536 });
    const beside = await bystander(server);
    const client = new WebSocket(server.url, { maxPayload: 1_000, perMessageDeflate: false });
    client.on("error", () => {});
    onTestFinished(() => client.terminate());
    const connection = await server.next();
    if (client.readyState !== WebSocket.OPEN) await once(client, "open");
    const messages: unknown[] = [];
    client.on("message", (data: Buffer) => messages.push(data.byteLength));
    const writer = connection.writable.getWriter();
    await writer.write(new Uint8Array(1_000));
    const producing = (async () => {
      for (;;) {
        await writer.ready;
        void writer.write(new Uint8Array(size));
      }
    })();
    expect(await outcome(producing)).toBe("SPW_ERR_CLOSED");
    expect(await connection.closed).toMatchObject({ closeCode: 1009 });
    expect(messages).toEqual([1_000]);
    await waitFor(() => connection.stats().bufferedBytes === 0, { message: "an empty socket" });
    expect(connection.stats().queuedBytes).toBe(0);
    await beside.unharmed();
  });
});

describe("the account is back at zero", () => {
  const wires = ["raw", "compressed"] as const;
  const ends = ["abort", "discard", "terminate", "reset", "overflow", "close"] as const;
  const cases = wires.flatMap((wire) => ends.map((end) => [end, wire] as const));

  test.each(cases)("after %s with all kinds of writes waiting, %s", async (end, wire) => {
    const perMessageDeflate = wire === "compressed";
    const server = await serve({ window: 65_536, closeTimeoutMs: 300 }, undefined, {
      perMessageDeflate: perMessageDeflate && { threshold: 1_000 },
    });
    const client = new WebSocket(server.url, { perMessageDeflate });
    client.on("error", () => {});
    onTestFinished(() => client.terminate());
    const connection = await server.next();
    if (client.readyState !== WebSocket.OPEN) await once(client, "open");
    expect(client.extensions !== "").toBe(perMessageDeflate);
    client.pause();

    const incompressible = crypto.getRandomValues(new Uint8Array(60_000));
    const writers = [connection.writable, connection.lane(), connection.lane({ priority: 1 })].map(
      (stream) => stream.getWriter(),
    );
    const writes = writers.flatMap((writer) => [
      outcome(writer.write(incompressible.slice())),
      outcome(writer.write(frame(incompressible))),
      outcome(writer.write("text ".repeat(5_000))),
    ]);
    while (connection.send("fill"));
    await waitFor(() => connection.stats().stalledForMs > 50, { message: "the stall" });
    expect(connection.stats().queuedBytes).toBeGreaterThan(0);

    if (end === "abort") void outcome((writers[0] as (typeof writers)[0]).abort(new Error("no")));
    else if (end === "discard") connection.close({ drain: "discard" });
    else if (end === "terminate") connection.terminate();
    else if (end === "reset") client.terminate();
    else if (end === "close") connection.close();
    else writes.push(outcome((writers[0] as (typeof writers)[0]).write("x".repeat(2 << 20))));
    await connection.closed;
    await Promise.all(writes);
    await waitFor(() => connection.stats().bufferedBytes === 0, { message: "an empty socket" });
    const { queuedBytes, dropped } = connection.stats();
    expect(queuedBytes).toBe(0);
    // What was not sent is counted.
    expect(dropped.reasons["closed"]?.chunks).toBeGreaterThan(0);
  });
});

test("what the kernel has not taken stays as it is, whatever others send meanwhile", async () => {
  const server = await serve({ window: false });
  const slow = await connectPeer(server.url, { read: "never" });
  const stalled = (await server.next()).writable.getWriter();
  const fast = await connectPeer(server.url);
  const busy = (await server.next()).writable.getWriter();
  const message = (index: number): Uint8Array => new Uint8Array(1_000).fill(index % 251);

  let written = 0;
  while (!(await isStalled(stalled))) await stalled.write(message(written++));
  // More than all the memory that small messages share.
  const others = fast.collect(3_000);
  for (let index = 0; index < 3_000; index++) {
    await busy.ready;
    void busy.write(message(index));
  }
  await others;

  const received = slow.collect(written);
  slow.thaw();
  const wrong = (await received).findIndex(
    (bytes, index) => Buffer.compare(bytes as Uint8Array, message(index)) !== 0,
  );
  expect(wrong).toBe(-1);
  expect(written).toBeGreaterThan(1_000);
});

/** Whether there has been no room for a while. */
async function isStalled(writer: WritableStreamDefaultWriter): Promise<boolean> {
  if ((writer.desiredSize ?? 0) > 0) return false;
  return Promise.race([
    writer.ready.then(() => false),
    new Promise<boolean>((resolve) => {
      setTimeout(resolve, 200, true);
    }),
  ]);
}
