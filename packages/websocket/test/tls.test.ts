import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { bounded } from "@spillway/streams";
import { pumped } from "@spillway/streams/ends";
import { waitFor } from "@spillway/testing";
import {
  accept,
  type Connection,
  type ConnectionOptions,
  type MessageChunk,
} from "@spillway/websocket";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { Digest, messages } from "./messages.ts";
import { outcome } from "./support.ts";
import { watch } from "./watch.ts";

/** A key and a certificate that it signs itself, made for this run. */
function selfSigned(): { key: Buffer; cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), "spillway-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  try {
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const whose = ["-subj", "/CN=spillway", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
    const files = ["-keyout", key, "-out", cert];
    execFileSync("openssl", ["req", "-x509", ...kind, ...whose, ...files], { stdio: "pipe" });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const identity = selfSigned();

async function meet(options: ConnectionOptions = {}) {
  const https = createServer(identity);
  const server = new WebSocketServer({ server: https, perMessageDeflate: false });
  const accepted = new Promise<Connection>((resolve) => {
    server.once("connection", (socket, request) => resolve(accept(socket, request, options)));
  });
  https.listen(0, "127.0.0.1");
  await once(https, "listening");
  const { port } = https.address() as AddressInfo;
  const client = new WebSocket(`wss://127.0.0.1:${port}`, { ca: identity.cert });
  onTestFinished(() => {
    client.terminate();
    for (const one of server.clients) one.terminate();
    https.close();
  });
  const connection = await accepted;
  if (client.readyState !== WebSocket.OPEN) await once(client, "open");
  return { client, connection };
}

describe("a connection over TLS", () => {
  test.each(["a writer", "a pipe", "the pump"])(
    "delivers everything in order and unchanged through %s, then closes in order",
    async (way) => {
      const { client, connection } = await meet({ window: 131_072 });
      expect(connection.request.socket).toBeInstanceOf(TLSSocket);
      const seen = watch(connection);
      const sent = new Digest();
      const got = new Digest();
      client.on("message", (payload: Buffer, isBinary) => got.add(payload, isBinary));
      const goodbye = once(client, "close");
      const total = 200;
      const chunks = messages(total, sent);
      const before = pumped();
      if (way === "a writer") {
        const writer = connection.writable.getWriter();
        for (const chunk of chunks) {
          await writer.ready;
          void writer.write(chunk);
        }
        await writer.close();
      } else {
        const source = new ReadableStream<MessageChunk>({
          pull(controller) {
            const { value, done } = chunks.next();
            if (done === true) controller.close();
            else controller.enqueue(value);
          },
        });
        const stage = bounded<MessageChunk>({ overflow: "wait" });
        const readable = way === "the pump" ? source.pipeThrough(stage) : source;
        await readable.pipeTo(connection.writable);
      }
      expect(pumped() - before > total / 2).toBe(way === "the pump");

      expect(await connection.closed).toEqual({ closeCode: 1000, reason: "", wasClean: true });
      expect((await goodbye)[0]).toBe(1000);
      expect(got.messages).toBe(total);
      expect(got.hex()).toBe(sent.hex());
      expect(seen.bufferedBytes).toBeLessThanOrEqual(65_536 + 65_536 + 200_000);
      expect(seen.inFlightBytes).toBeLessThanOrEqual(131_072 + 32_768 + 10);
      const { queuedBytes, bufferedBytes, sentMessages, dropped } = connection.stats();
      expect({ queuedBytes, bufferedBytes, sentMessages, dropped: dropped.chunks }).toEqual({
        queuedBytes: 0,
        bufferedBytes: 0,
        sentMessages: total,
        dropped: 0,
      });
    },
    30_000,
  );

  test("receives everything in order and unchanged", async () => {
    const { client, connection } = await meet();
    const sent = new Digest();
    const got = new Digest();
    for (const chunk of messages(100, sent)) {
      const data = typeof chunk === "object" && "payload" in chunk ? chunk.payload : chunk;
      const binary = typeof chunk === "object" && (!("type" in chunk) || chunk.type === "binary");
      client.send(data as Uint8Array, { binary });
    }
    client.close(1000);
    for await (const message of connection.readable) {
      got.add(Buffer.from(message as Uint8Array), typeof message !== "string");
    }
    expect(got.messages).toBe(100);
    expect(got.hex()).toBe(sent.hex());
  }, 30_000);

  test.each([65_536, false as const])(
    "holds the bounds while the client pauses, and goes on with it (window %s)",
    async (window) => {
      const { client, connection } = await meet({ window });
      const seen = watch(connection);
      const size = 50_000;
      client.pause();
      let received = 0;
      client.on("message", () => received++);
      const writer = connection.writable.getWriter();
      let written = 0;
      const producing = (async () => {
        for (;;) {
          await writer.ready;
          void writer.write(new Uint8Array(size));
          written++;
          seen.look();
        }
      })();
      const produced = outcome(producing);
      await waitFor(() => connection.stats().stalledForMs > 100, {
        timeoutMs: 15_000,
        message: "the stall",
      });
      expect(seen.bufferedBytes).toBeGreaterThan(0);
      expect(seen.bufferedBytes).toBeLessThanOrEqual(65_536 + 65_536 + size);
      expect(seen.queuedBytes).toBeLessThanOrEqual(65_536 + size + 10);
      if (window) expect(seen.inFlightBytes).toBeLessThanOrEqual(window + window / 4 + 10);
      // TLS has no queue of its own that grows: what it holds is in the account too.
      expect(connection.request.socket.writableLength).toBeLessThanOrEqual(65_536 + 65_536 + size);

      const before = written;
      client.resume();
      await waitFor(() => received > before + 20, { timeoutMs: 15_000, message: "the rest" });
      connection.close();
      await connection.closed;
      expect(await produced).toBe("SPW_ERR_CLOSED");
      await waitFor(() => connection.stats().bufferedBytes === 0, { message: "an empty socket" });
    },
    40_000,
  );

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
    expect(connection.stats()).toMatchObject({ queuedBytes: 0, bufferedBytes: 0 });
  });
});
