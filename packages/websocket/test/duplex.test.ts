import { once } from "node:events";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { waitFor } from "@spillway/testing";
import { accept, type Connection, type ConnectionOptions, heldBytes } from "@spillway/websocket";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { Digest, messages } from "./messages.ts";
import { outcome } from "./support.ts";
import { watch } from "./watch.ts";

/**
 * One end of a line in memory: what is written comes out of the other, as far as that reads, and in
 * another turn of the event loop, as with everything that is not the same process.
 */
class End extends Duplex {
  other: End | undefined;
  #taken: ((error?: Error) => void) | undefined;

  override _read(): void {
    this.other?.written();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, taken: () => void): void {
    setImmediate(() => {
      this.#taken = taken;
      if (this.destroyed) this.written(new Error("The line is gone"));
      else if (this.other?.push(chunk)) this.written();
    });
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.written(new Error("The line is gone"));
    const inOrder = this.readableEnded && this.writableFinished;
    if (!inOrder) setImmediate(() => this.other?.destroy());
    done(error);
  }

  written(error?: Error): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.(error);
  }
}

async function meet(options: ConnectionOptions = {}) {
  const [ours, theirs] = [new End(), new End()];
  [ours.other, theirs.other] = [theirs, ours];
  const http = createServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  const accepted = new Promise<Connection>((resolve) => {
    server.once("connection", (socket, request) => resolve(accept(socket, request, options)));
  });
  const client = new WebSocket("ws://memory", {
    createConnection: () => theirs as unknown as Socket,
    perMessageDeflate: false,
  });
  http.emit("connection", ours);
  onTestFinished(() => {
    client.terminate();
    for (const one of server.clients) one.terminate();
  });
  const connection = await accepted;
  if (client.readyState !== WebSocket.OPEN) await once(client, "open");
  expect(connection.request.socket).toBe(ours);
  return { client, connection };
}

describe("a connection over a plain Duplex", () => {
  test.each(["a writer", "a pipe"])(
    "delivers everything in order and unchanged through %s, then closes in order",
    async (way) => {
      const { client, connection } = await meet({ window: 131_072 });
      const seen = watch(connection);
      const [sent, got] = [new Digest(), new Digest()];
      client.on("message", (payload: Buffer, isBinary) => got.add(payload, isBinary));
      const goodbye = once(client, "close");
      const chunks = messages(200, sent);
      if (way === "a writer") {
        const writer = connection.writable.getWriter();
        for (const chunk of chunks) {
          await writer.ready;
          void writer.write(chunk);
        }
        await writer.close();
      } else {
        const source = new ReadableStream({
          pull(controller) {
            const { value, done } = chunks.next();
            if (done === true) controller.close();
            else controller.enqueue(value);
          },
        });
        await source.pipeTo(connection.writable);
      }
      expect(await connection.closed).toEqual({ closeCode: 1000, reason: "", wasClean: true });
      expect((await goodbye)[0]).toBe(1000);
      expect(got.messages).toBe(200);
      expect(got.hex()).toBe(sent.hex());
      expect(seen.bufferedBytes).toBeLessThanOrEqual(65_536 + 65_536 + 200_000);
      expect(seen.inFlightBytes).toBeLessThanOrEqual(131_072 + 32_768 + 10);
      expect(connection.stats()).toMatchObject({
        queuedBytes: 0,
        bufferedBytes: 0,
        sentMessages: 200,
      });
    },
    30_000,
  );

  test.each([65_536, false as const])(
    "holds the bounds while the client pauses, and goes on with it (window %s)",
    async (window) => {
      const { client, connection } = await meet({ window });
      const seen = watch(connection);
      const size = 20_000;
      client.pause();
      let received = 0;
      client.on("message", () => received++);
      const writer = connection.writable.getWriter();
      let written = 0;
      const producing = outcome(
        (async () => {
          for (;;) {
            await writer.ready;
            void writer.write(new Uint8Array(size));
            written++;
            seen.look();
          }
        })(),
      );
      await waitFor(() => connection.stats().stalledForMs > 100, { message: "the stall" });
      expect(seen.bufferedBytes).toBeGreaterThan(0);
      expect(seen.bufferedBytes).toBeLessThanOrEqual(65_536 + 65_536 + size);
      expect(seen.queuedBytes).toBeLessThanOrEqual(65_536 + size + 10);
      const { bufferedBytes, queuedBytes } = connection.stats();
      expect(heldBytes([connection])).toBeGreaterThanOrEqual(bufferedBytes);
      expect(heldBytes([connection])).toBeLessThanOrEqual(bufferedBytes + queuedBytes + size);
      if (window) expect(seen.inFlightBytes).toBeLessThanOrEqual(window + window / 4 + 10);
      const before = written;
      client.resume();
      await waitFor(() => received > before + 20, { message: "the rest" });
      connection.close();
      expect(await connection.closed).toMatchObject({ closeCode: 1000, wasClean: true });
      expect(await producing).toBe("SPW_ERR_CLOSED");
      expect(connection.stats()).toMatchObject({ queuedBytes: 0, bufferedBytes: 0 });
    },
    30_000,
  );

  test("pauses a client whose messages nobody reads, and loses none", async () => {
    const { client, connection } = await meet({ heartbeat: false });
    const { readable } = connection;
    const [sent, got] = [new Digest(), new Digest()];
    for (let index = 0; index < 300; index++) {
      const payload = Buffer.alloc(1_000, `${index}`);
      sent.add(payload, true);
      client.send(payload);
    }
    client.close(4001);
    await waitFor(() => connection.state === "paused", { message: "the pause" });
    const { receiveQueuedBytes } = connection.stats();
    expect(receiveQueuedBytes).toBeLessThanOrEqual(65_536 + 65_536 + 1_004);
    for await (const message of readable) got.add(Buffer.from(message as Uint8Array), true);
    expect(got.hex()).toBe(sent.hex());
    expect(await connection.closed).toMatchObject({ closeCode: 4001, wasClean: true });
  });

  test("a client that is gone in the middle of it errors everything", async () => {
    const { client, connection } = await meet({ window: 65_536 });
    client.pause();
    const writer = connection.writable.getWriter();
    const writes = [1, 2, 3].map(() => outcome(writer.write(new Uint8Array(200_000))));
    const reading = outcome(connection.readable.getReader().read());
    await waitFor(() => connection.stats().stalledForMs > 50, { message: "the stall" });
    client.terminate();
    expect(await connection.closed).toMatchObject({ closeCode: 1006, wasClean: false });
    expect(await Promise.all(writes)).toEqual(Array(3).fill("SPW_ERR_RESET"));
    expect(await reading).toBe("SPW_ERR_RESET");
    await waitFor(() => connection.stats().bufferedBytes === 0, { message: "an empty socket" });
    expect(connection.stats().queuedBytes).toBe(0);
  });
});
