import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { waitFor } from "@spillway/testing";
import { connectPeer } from "@spillway/testing/node";
import type { Connection } from "@spillway/websocket";
import { describe, expect, onTestFinished, test } from "vitest";
import { serve } from "./support.ts";

/** Film of 4 Mbit/s, as far as there is room for it. */
function film(connection: Connection): void {
  const timer = setInterval(() => connection.send(new Uint8Array(16_667)), 33);
  onTestFinished(() => clearInterval(timer));
}

describe("connection.states()", () => {
  test("sees under film that a peer freezes, and that it goes on, within a second", async () => {
    const server = await serve();
    const peer = await connectPeer(server.url);
    const connection = await server.next();
    const seen: { readonly state: string; readonly atMs: number }[] = [];
    const watching = (async () => {
      for await (const state of connection.states()) seen.push({ state, atMs: performance.now() });
    })();
    const last = (): string | undefined => seen.at(-1)?.state;
    film(connection);
    await waitFor(() => connection.stats().sentMessages > 30, { message: "some film" });
    expect(seen.map(({ state }) => state)).toEqual(["healthy"]);

    const frozenAt = performance.now();
    peer.freeze();
    await waitFor(() => last() === "frozen", { message: "that it is frozen" });
    expect((seen.at(-1)?.atMs ?? NaN) - frozenAt).toBeLessThan(1_000);
    expect(connection.stats()).toMatchObject({ state: "frozen", acknowledgedBy: "ping" });

    const thawedAt = performance.now();
    peer.thaw();
    await waitFor(() => last() !== "frozen", { message: "that it goes on" });
    expect((seen.at(-1)?.atMs ?? NaN) - thawedAt).toBeLessThan(1_000);
    await waitFor(() => last() === "healthy", { message: "that it is as before" });

    connection.terminate();
    await watching;
    expect(last()).toBe("dead");
  });

  test("takes nobody for silent while this process is busy itself", async () => {
    const server = await serve();
    const script = `
      import { WebSocket } from "ws";
      new WebSocket(process.argv[1]).on("message", () => {}).on("close", () => process.exit());
    `;
    const here = fileURLToPath(new URL("..", import.meta.url));
    const flags = ["--input-type=module", "--eval", script, "--", server.url];
    const peer = spawn(process.execPath, flags, { cwd: here, stdio: "inherit" });
    onTestFinished(() => void peer.kill());
    const connection = await server.next();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const state of connection.states()) seen.push(state);
    })();
    film(connection);
    await waitFor(() => connection.stats().sentMessages > 10, { message: "some film" });
    for (let round = 0; round < 3; round++) {
      const before = connection.stats().sentMessages;
      await waitFor(() => connection.stats().sentMessages > before + 5, { message: "more film" });
      const untilMs = performance.now() + 900;
      while (performance.now() < untilMs);
    }
    const before = connection.stats().sentMessages;
    await waitFor(() => connection.stats().sentMessages > before + 5, { message: "more film" });
    expect(seen).toEqual(["healthy"]);
    connection.terminate();
    await watching;
  });

  test("a slow reader is congested, not frozen", async () => {
    const server = await serve();
    await connectPeer(server.url, { read: { bytesPerSecond: 125_000 } });
    const connection = await server.next();
    film(connection);
    await waitFor(() => connection.state === "congested", { message: "congestion" });
    await waitFor(() => connection.congestion > 0.5, { message: "half of the time without room" });
    const seen = new Set<string>();
    const untilMs = performance.now() + 2_000;
    await waitFor(
      () => {
        seen.add(connection.state);
        return performance.now() > untilMs;
      },
      { message: "two seconds" },
    );
    expect([...seen]).toEqual(["congested"]);
  });
});
