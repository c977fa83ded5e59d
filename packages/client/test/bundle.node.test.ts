import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type * as client from "@spillway/client";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { serve } from "./support.ts";

const bundles = ["bundle.js", "web-socket-stream.bundle.js"];

test.each(bundles)("%s needs nothing but itself, and works", async (file) => {
  const path = fileURLToPath(new URL(`../dist/${file}`, import.meta.url));
  expect(readFileSync(path, "utf8")).not.toMatch(/\bimport\b|\brequire\(/u);
  const { WebSocketStream, WebSocketError } = (await import(path)) as typeof client;
  const server = await serve();
  const socket = new WebSocketStream(server.url, { WebSocket });
  const [peer, { readable, writable }] = await Promise.all([server.next(), socket.opened]);
  peer.on("message", (data) => peer.send((data as Buffer).toString()));
  await writable.getWriter().write("hello");
  expect((await readable.getReader().read()).value).toBe("hello");
  socket.close({ closeCode: 3001, reason: "done" });
  expect(await socket.closed).toEqual({ closeCode: 3001, reason: "done" });
  expect(new WebSocketError("no", { reason: "why" }).closeCode).toBe(1000);
});
