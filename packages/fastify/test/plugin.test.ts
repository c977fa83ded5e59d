import { once } from "node:events";
import websocket from "@fastify/websocket";
import spillway from "@spillway/fastify";
import { collectMetrics } from "@spillway/fastify/metrics";
import { waitFor } from "@spillway/testing";
import { connectPeer, rawPeer } from "@spillway/testing/node";
import type { Connection } from "@spillway/websocket";
import fastify, { type FastifyInstance } from "fastify";
import { Registry } from "prom-client";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { listen, makeApp } from "./support.ts";

afterEach(() => {
  vi.useRealTimers();
});

const echo = (connection: Connection): Promise<void> =>
  connection.readable.pipeTo(connection.writable);

const flood = (connection: Connection): Promise<void> =>
  new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(60_000)),
  }).pipeTo(connection.writable);

/** How many connections wait for their peers. */
const waiting = ({ spillway: { connections } }: FastifyInstance): number =>
  [...connections].filter((connection) => connection.stats().queuedBytes > 0).length;

describe("app.spillway.handler()", () => {
  test("makes a route out of a pipeline", async () => {
    const { app } = await makeApp();
    app.get("/echo", { websocket: true }, app.spillway.handler(echo));
    const peer = await connectPeer(`${await listen(app)}/echo`);
    const received = peer.collect(1);
    await peer.send("hello");
    expect(await received).toEqual(["hello"]);
  });

  test("agrees on spillway.v1, and within it on what the app chooses", async () => {
    const offered: string[][] = [];
    const { app } = await makeApp({
      websocket: {
        options: {
          handleProtocols: (protocols) => {
            offered.push([...protocols]);
            return "chat";
          },
        },
      },
    });
    const spoken: string[] = [];
    app.get(
      "/",
      { websocket: true },
      app.spillway.handler((connection) => {
        spoken.push(`${connection.protocol} ${connection.stats().acknowledgedBy}`);
      }),
    );
    const url = await listen(app);
    await connectPeer(url, { protocols: ["spillway.v1.chat", "chat"] });
    await connectPeer(url, { protocols: ["spillway.v1"] });
    await connectPeer(url, { protocols: ["chat"] });
    await waitFor(() => spoken.length === 3, { message: "three connections" });
    expect(spoken).toEqual(["chat credit", " credit", "chat ping"]);
    expect(offered).toEqual([["chat"], ["chat"]]);
  });

  test("loses no message to a handler that awaits first", async () => {
    const { app } = await makeApp();
    const got: unknown[] = [];
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    app.get(
      "/late",
      { websocket: true },
      app.spillway.handler(async (connection) => {
        await opened;
        for await (const message of connection.readable) got.push(message);
      }),
    );
    const peer = await connectPeer(`${await listen(app)}/late`);
    for (let count = 0; count < 100; count++) await peer.send(String(count));
    open();
    await waitFor(() => got.length === 100, { message: "100 messages" });
    expect(got).toEqual(Array.from({ length: 100 }, (_, index) => String(index)));
  });

  test("ends the connection of a handler that throws with 1011, and no other", async () => {
    const { app, log } = await makeApp();
    app.get("/echo", { websocket: true }, app.spillway.handler(echo));
    const broken = app.spillway.handler(() => {
      throw new Error("secret detail");
    });
    app.get("/broken", { websocket: true }, broken);
    const url = await listen(app);
    const healthy = await connectPeer(`${url}/echo`);
    const peer = await connectPeer(`${url}/broken`);
    const closed = await peer.closed;
    expect(closed.closeCode).toBe(1011);
    expect(closed.reason).not.toContain("secret");
    expect(log.filter(({ level }) => level >= 50)).toHaveLength(1);
    const received = healthy.collect(1);
    await healthy.send("still here");
    expect(await received).toEqual(["still here"]);
  });

  test("takes the connection's own end for a normal return", async () => {
    const { app, log } = await makeApp();
    app.get(
      "/echo",
      { websocket: true },
      app.spillway.handler((connection) =>
        connection.readable.pipeTo(connection.writable, { signal: connection.signal }),
      ),
    );
    const peer = await connectPeer(`${await listen(app)}/echo`);
    peer.close(1000);
    await peer.closed;
    await waitFor(() => log.some(({ msg }) => msg === "WebSocket connection ended"), {
      message: "the log line",
    });
    expect(log.filter(({ level }) => level >= 40)).toEqual([]);
  });

  test("refuses options of the wrong type or range, of the plugin and of a route", async () => {
    const register = (options: object): Promise<unknown> => makeApp(options);
    await expect(register({ highWaterMark: "1" })).rejects.toMatchObject({
      name: "TypeError",
      code: "SPW_ERR_OPTION",
    });
    await expect(register({ slowConsumer: { stalledForMs: 10 } })).rejects.toMatchObject({
      name: "RangeError",
      code: "SPW_ERR_OPTION",
    });
    const { app } = await makeApp();
    expect(() => app.spillway.handler(echo, { window: -1 })).toThrow(/option window/u);
  });

  test("leaves hooks and other routes as they are", async () => {
    const { app } = await makeApp();
    app.get(
      "/private",
      {
        websocket: true,
        preHandler: async (_request, reply) => reply.code(401).send({ error: "who are you" }),
      },
      app.spillway.handler(echo),
    );
    app.get("/plain", () => "plain");
    const url = await listen(app);
    await expect(connectPeer(`${url}/private`)).rejects.toThrow(/401/u);
    await expect(connectPeer(`${url}/nowhere`)).rejects.toThrow(/404/u);
    const http = url.replace("ws", "http");
    expect(await (await fetch(`${http}/plain`)).text()).toBe("plain");
  });

  test("answers plain HTTP with 426 and a code", async () => {
    const { app } = await makeApp();
    app.get("/echo", { websocket: true }, app.spillway.handler(echo));
    const response = await app.inject("/echo");
    expect(response.statusCode).toBe(426);
    expect(response.headers["upgrade"]).toBe("websocket");
    expect(response.json()).toMatchObject({ code: "FST_ERR_UPGRADE_REQUIRED" });
  });

  test("works on the streams of injectWS", async () => {
    const { app } = await makeApp();
    app.get("/echo", { websocket: true }, app.spillway.handler(echo));
    await app.ready();
    const socket = await app.injectWS("/echo");
    const message = once(socket, "message");
    socket.send("injected");
    expect(String((await message)[0])).toBe("injected");
    socket.terminate();
  });

  test("works beside a @fastify/websocket that is registered already", async () => {
    const app = fastify();
    onTestFinished(() => app.close());
    await app.register(websocket);
    await app.register(spillway, { shutdown: { graceMs: 300 } });
    app.get("/echo", { websocket: true }, app.spillway.handler(echo));
    const url = await listen(app);
    const frozen = await rawPeer(`${url}/echo`);
    const started = performance.now();
    await app.close();
    expect(performance.now() - started).toBeLessThan(1_000);
    frozen.vanish();
  });

  test("ends a connection whose message is too large with 1009", async () => {
    const { app } = await makeApp({ maxMessageBytes: 1_000 });
    app.get("/echo", { websocket: true }, app.spillway.handler(echo));
    const peer = await connectPeer(`${await listen(app)}/echo`);
    await peer.send("x".repeat(1_001));
    expect(await peer.closed).toMatchObject({ closeCode: 1009 });
  });
});

describe("app.spillway", () => {
  test("shows live connections, and totals that survive them", async () => {
    const { app } = await makeApp();
    app.get("/echo", { websocket: true }, app.spillway.handler(echo));
    const peer = await connectPeer(`${await listen(app)}/echo`);
    const received = peer.collect(1);
    await peer.send("four");
    await received;
    expect([...app.spillway.connections]).toHaveLength(1);
    expect(app.spillway.stats()).toMatchObject({ connections: 1, accepted: 1, sentMessages: 1 });
    peer.close();
    await waitFor(() => app.spillway.connections.size === 0, { message: "the end" });
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect(app.spillway.stats()).toMatchObject({
      connections: 0,
      accepted: 1,
      sentMessages: 1,
      sentBytes: 6,
      receivedMessages: 1,
    });
  });

  test("evicts a connection that does not move with 1013, once, and no other", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    const { app } = await makeApp({ slowConsumer: { stalledForMs: 5_000 }, heartbeat: false });
    app.get("/flood", { websocket: true }, app.spillway.handler(flood));
    app.get("/echo", { websocket: true }, app.spillway.handler(echo));
    const url = await listen(app);
    const idle = await connectPeer(`${url}/echo`);
    const frozen = await rawPeer(`${url}/flood`);
    await waitFor(() => waiting(app) === 1, { message: "the stall" });
    vi.advanceTimersByTime(4_000);
    expect(app.spillway.stats().evicted).toBe(0);
    expect(app.spillway.stats().heldBytes).toBeGreaterThan(0);
    vi.advanceTimersByTime(3_000);
    expect(app.spillway.stats().evicted).toBe(1);
    await waitFor(() => app.spillway.connections.size === 1, { message: "the eviction" });
    vi.advanceTimersByTime(10_000);
    expect(app.spillway.stats()).toMatchObject({ evicted: 1, queuedBytes: 0, heldBytes: 0 });
    const received = idle.collect(1);
    await idle.send("unharmed");
    expect(await received).toEqual(["unharmed"]);
    frozen.vanish();
  });

  test("closes within graceMs with frozen clients attached, with 1001 for the others", async () => {
    const { app } = await makeApp({ shutdown: { graceMs: 500 } });
    app.get("/flood", { websocket: true }, app.spillway.handler(flood));
    app.get("/echo", { websocket: true }, app.spillway.handler(echo));
    app.get("/raw", { websocket: true }, () => {});
    const url = await listen(app);
    const healthy = await connectPeer(`${url}/echo`);
    const frozen = await Promise.all(
      ["/flood", "/flood", "/raw"].map((path) => rawPeer(`${url}${path}`)),
    );
    await waitFor(() => waiting(app) === 2, { message: "stalls" });
    // One of them is being closed already, with a deadline of its own.
    [...app.spillway.connections].at(-1)?.close({ deadlineMs: 60_000 });
    const started = performance.now();
    await app.close();
    expect(performance.now() - started).toBeLessThan(700);
    expect(await healthy.closed).toMatchObject({ closeCode: 1001, wasClean: true });
    for (const peer of frozen) peer.vanish();
  });
});

describe("collectMetrics()", () => {
  test("fills a registry", async () => {
    const { app } = await makeApp();
    app.get("/echo", { websocket: true }, app.spillway.handler(echo));
    const registry = new Registry();
    collectMetrics(app.spillway, registry);
    const peer = await connectPeer(`${await listen(app)}/echo`);
    const received = peer.collect(1);
    await peer.send("four");
    await received;
    const text = await registry.metrics();
    expect(text).toContain("spillway_connections 1\n");
    expect(text).toContain("spillway_held_bytes 0\n");
    expect(text).toContain("spillway_sent_bytes_total 6\n");
    expect(text).toContain('spillway_connection_states{state="healthy"} 1\n');
    const looks = vi.spyOn(app.spillway, "stats");
    expect(await registry.metrics()).toContain("spillway_sent_messages_total 1\n");
    expect(looks).toHaveBeenCalledTimes(1);
    const second = peer.collect(1);
    await peer.send("more");
    await second;
    expect(await registry.metrics()).toContain("spillway_sent_messages_total 2\n");
  });
});
