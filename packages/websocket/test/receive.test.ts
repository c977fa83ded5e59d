import { isSettled, waitFor } from "@spillway/testing";
import { connectPeer, rawPeer } from "@spillway/testing/node";
import { afterEach, describe, expect, test, vi } from "vitest";
import { outcome, serve } from "./support.ts";

afterEach(() => {
  vi.useRealTimers();
});

describe("connection.readable", () => {
  test("keeps text and binary apart, one chunk a message, empty ones too", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    await peer.send("text");
    await peer.send(new Uint8Array([1, 2, 3]));
    await peer.send("");
    const reader = connection.readable.getReader();
    expect((await reader.read()).value).toBe("text");
    expect((await reader.read()).value).toEqual(new Uint8Array([1, 2, 3]));
    expect((await reader.read()).value).toBe("");
  });

  test("pauses TCP while nobody reads, and loses nothing", async () => {
    const server = await serve({ heartbeat: false });
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const { readable } = connection;
    const total = 20_000;
    const sending = (async () => {
      for (let index = 0; index < total; index++) {
        const message = new Uint8Array(1_000);
        new DataView(message.buffer).setUint32(0, index);
        await peer.send(message);
      }
    })();
    await waitFor(() => connection.state === "paused", { message: "the pause" });
    await waitFor(async () => !(await isSettled(sending)), { message: "the sender's stall" });
    const { receiveQueuedBytes } = connection.stats();
    expect(receiveQueuedBytes).toBeGreaterThanOrEqual(65_536);
    expect(receiveQueuedBytes).toBeLessThanOrEqual(65_536 + 65_536 + 1_004);

    let expected = 0;
    for await (const message of readable) {
      const view = new DataView((message as Uint8Array<ArrayBuffer>).buffer);
      expect(view.getUint32(0)).toBe(expected++);
      if (expected === total) break;
    }
    await sending;
  });

  test("copies a small message out of the buffer it came in", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    for (let count = 0; count < 100; count++) void peer.send(new Uint8Array(250)).catch(() => {});
    const reader = connection.readable.getReader();
    let held = 0;
    for (let count = 0; count < 100; count++) {
      const { value } = await reader.read();
      held = Math.max(held, (value as Uint8Array).buffer.byteLength);
    }
    expect(held).toBeLessThanOrEqual(500);
  });

  test("is full and untouched for 10 s: discards, counts and warns once", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const warnings: string[] = [];
    const onWarning = (warning: Error): number => warnings.push(String(warning));
    process.on("warning", onWarning);
    const server = await serve({ heartbeat: false });
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    for (let count = 0; count < 200; count++) void peer.send(new Uint8Array(1_000)).catch(() => {});
    await waitFor(() => connection.state === "paused", { message: "the pause" });
    vi.advanceTimersByTime(10_000);
    await waitFor(() => connection.stats().dropped.chunks === 200, { message: "the discard" });
    expect(connection.state).not.toBe("paused");
    await waitFor(() => warnings.length > 0, { message: "the warning" });
    process.off("warning", onWarning);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('receive: "discard"');
  });

  test('with receive: "discard" never pauses and is closed', async () => {
    const server = await serve({ receive: "discard" });
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    for (let count = 0; count < 300; count++) await peer.send(new Uint8Array(1_000));
    await waitFor(() => connection.stats().dropped.reasons["unread"]?.chunks === 300, {
      message: "300 discarded messages",
    });
    expect((await connection.readable.getReader().read()).done).toBe(true);
  });

  test("closing while paused does not wait for a Close it cannot see", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    for (let count = 0; count < 200; count++) void peer.send(new Uint8Array(1_000)).catch(() => {});
    await waitFor(() => connection.state === "paused", { message: "the pause" });
    connection.close();
    expect(await connection.closed).toMatchObject({ closeCode: 1000, wasClean: true });
  });

  test("a message over maxMessageBytes ends the connection with 1009", async () => {
    const server = await serve({ maxMessageBytes: 1_000 });
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const reading = outcome(connection.readable.getReader().read());
    await peer.send(new Uint8Array(1_001));
    expect(await peer.closed).toMatchObject({ closeCode: 1009 });
    expect(await reading).toBe("SPW_ERR_MESSAGE_TOO_BIG");
  });

  test("ws refusing a message first means the same", async () => {
    const server = await serve({}, 1_000);
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const reading = outcome(connection.readable.getReader().read());
    await peer.send(new Uint8Array(1_001));
    expect(await peer.closed).toMatchObject({ closeCode: 1009 });
    expect(await reading).toBe("SPW_ERR_MESSAGE_TOO_BIG");
    expect(await connection.closed).toMatchObject({ closeCode: 1009 });
  });

  test.each([
    ["invalid UTF-8", { opcode: 1, payload: new Uint8Array([0xff]) }, 1007],
    ["an unmasked frame", { opcode: 1, payload: new Uint8Array(1), mask: false }, 1002],
    ["a reserved bit", { opcode: 1, payload: new Uint8Array(1), rsv: 4 }, 1002],
    ["an unknown opcode", { opcode: 3, payload: new Uint8Array(1) }, 1002],
    ["a continuation of nothing", { opcode: 0, payload: new Uint8Array(1) }, 1002],
  ])("%s ends the connection with its code", async (_what, illegal, closeCode) => {
    const server = await serve();
    const peer = await rawPeer(server.url);
    const connection = await server.next();
    const reading = outcome(connection.readable.getReader().read());
    peer.resume();
    await peer.sendFrame(illegal);
    expect(await reading).toBe("SPW_ERR_PROTOCOL");
    expect(await connection.closed).toMatchObject({ closeCode });
  });
});
