import { once } from "node:events";
import { waitFor } from "@spillway/testing";
import { type Connection, type ConnectionOptions, frame } from "@spillway/websocket";
import { describe, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { makeApp } from "./support.ts";

/** What `injectWS` connects, without a socket in between. */
async function meet(
  options: ConnectionOptions = {},
): Promise<{ client: WebSocket; connection: Connection; handled: Promise<unknown> }> {
  // Its streams in memory never say that they are closed, which the deadline has to do.
  const { app } = await makeApp({ closeTimeoutMs: 300, ...options });
  let connection: Connection | undefined;
  let done: (closed: unknown) => void = () => {};
  const handled = new Promise<unknown>((resolve) => {
    done = resolve;
  });
  app.get(
    "/",
    { websocket: true },
    app.spillway.handler(async (accepted) => {
      connection = accepted;
      done(await accepted.closed);
    }),
  );
  await app.ready();
  const client = await app.injectWS("/");
  // `injectWS` makes a client that answers no ping, where every other one does.
  client.on("ping", (payload) => client.pong(payload));
  await waitFor(() => connection !== undefined, { message: "the connection" });
  return { client, connection: connection as Connection, handled };
}

/** Text, bytes and prepared frames by turns, of 0 B to 200 KB; each tells its number. */
function* numbered(total: number): Generator<{ payload: Buffer; isBinary: boolean; kind: number }> {
  for (let index = 0; index < total; index++) {
    const size = [0, 7, 125, 126, 5_000, 65_536, 200_000][index % 7] as number;
    yield { payload: Buffer.alloc(size, `${index} `), isBinary: index % 2 === 0, kind: index % 3 };
  }
}

describe("a connection of injectWS", () => {
  test.each(["a writer", "a pipe"])("carries everything in order through %s", async (way) => {
    const { client, connection, handled } = await meet();
    const wanted = [...numbered(140)];
    let matched = 0;
    client.on("message", (data: Buffer, isBinary) => {
      const { payload, isBinary: binary } = wanted[matched] as (typeof wanted)[0];
      if (isBinary === binary && payload.equals(data)) matched++;
    });
    const goodbye = once(client, "close");
    const chunks = wanted.map(({ payload, isBinary, kind }) => {
      const chunk = isBinary ? new Uint8Array(payload) : payload.toString();
      return kind === 0 ? frame(chunk) : chunk;
    });
    if (way === "a writer") {
      const writer = connection.writable.getWriter();
      for (const chunk of chunks) {
        await writer.ready;
        void writer.write(chunk);
      }
      await writer.close();
    } else {
      let next = 0;
      const source = new ReadableStream<(typeof chunks)[0]>({
        pull(controller) {
          const chunk = chunks[next++];
          if (chunk === undefined) controller.close();
          else controller.enqueue(chunk);
        },
      });
      await source.pipeTo(connection.writable);
    }
    expect(await handled).toEqual({ closeCode: 1000, reason: "", wasClean: true });
    expect((await goodbye)[0]).toBe(1000);
    expect(matched).toBe(140);
    const { queuedBytes, bufferedBytes, sentMessages } = connection.stats();
    expect([queuedBytes, bufferedBytes, sentMessages]).toEqual([0, 0, 140]);
  });

  test("holds the bounds while the client pauses, and goes on with it", async () => {
    const { client, connection } = await meet({ window: 65_536 });
    client.pause();
    let received = 0;
    client.on("message", () => received++);
    const writer = connection.writable.getWriter();
    let [mostBuffered, mostInFlight] = [0, 0];
    const producing = (async () => {
      for (let count = 0; count < 200; count++) {
        await writer.ready;
        void writer.write(new Uint8Array(20_000));
        const { queuedBytes, bufferedBytes, inFlightBytes = 0 } = connection.stats();
        mostBuffered = Math.max(mostBuffered, queuedBytes + bufferedBytes);
        mostInFlight = Math.max(mostInFlight, inFlightBytes);
      }
    })();
    await waitFor(() => connection.stats().stalledForMs > 100, { message: "the stall" });
    expect(mostBuffered).toBeGreaterThan(0);
    expect(mostBuffered).toBeLessThanOrEqual(65_536 + 65_536 + 20_010);
    expect(mostInFlight).toBeLessThanOrEqual(65_536 + 16_384 + 10);
    expect(connection.stats().sentMessages).toBeLessThan(20);
    client.resume();
    await producing;
    connection.close();
    expect(await connection.closed).toMatchObject({ closeCode: 1000, wasClean: true });
    expect(received).toBe(200);
  });
});
