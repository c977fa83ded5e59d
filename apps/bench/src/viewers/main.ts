// The process of a viewer, and of the path to it.
import { setTimeout as sleep } from "node:timers/promises";
import { connectPeer } from "@spillway/testing/node";
import { answering, notice } from "../answering.ts";
import { Ages } from "../clients/ages.ts";
import { type CreditReader, creditReader } from "./credit-reader.ts";
import type { Glance, Midway, View, ViewAsk } from "./protocol.ts";
import { Recovery } from "./recovery.ts";
import { type ShapedPath, shapedPath } from "./shaped-path.ts";
import { Sight } from "./sight.ts";

async function view({ port, ms, streams = 1, ...ask }: ViewAsk): Promise<View> {
  const shaped = ask.path && (await shapedPath(port, ask.path));
  const url = `ws://127.0.0.1:${shaped?.port ?? port}/`;
  const pace = ask.reads === undefined ? {} : { read: { bytesPerSecond: ask.reads } };
  const ages = new Ages(0);
  const sights = Array.from({ length: streams }, () => new Sight(ages));
  let recovery: Recovery | undefined;
  const peers: CreditReader[] = [];
  // One after the other: the server counts them in this order.
  for (const sight of sights) {
    const take = (message: Uint8Array): void => {
      const ageMs = sight.take(message);
      recovery?.take(ageMs, performance.now());
    };
    if (ask.credits) peers.push(await creditReader(url, ask.reads, take));
    else {
      const peer = await connectPeer(url, pace);
      peer.onMessage((message) => take(message as Uint8Array));
      peers.push(peer);
    }
  }
  const startedAtMs = performance.now();
  const stopGlances = glances(sights, ask.glanceEveryMs);

  await sleep(ms / 2);
  const ageBeforeMs = 1_000 * ages.quantile(0.5);
  if (shaped && ask.midway && (await change(shaped, ask.midway, ms))) {
    recovery = new Recovery(ageBeforeMs, performance.now());
  }
  await sleep(startedAtMs + ms - performance.now());

  const endedAtMs = performance.now();
  stopGlances();
  for (const peer of peers) peer.vanish();
  shaped?.close();
  const seconds = (endedAtMs - startedAtMs) / 1_000;
  if (sights.some(({ bytes }) => bytes === 0)) {
    throw new Error("Cannot see anything: no message has come");
  }
  return {
    bytesPerSecond: sights.map(({ bytes }) => bytes / seconds),
    p50: ages.quantile(0.5),
    p99: ages.quantile(0.99),
    recovery: recovery?.seen(endedAtMs),
  };
}

/** @returns whether the path has stopped and is back */
async function change(path: ShapedPath, { stops, rttMs }: Midway, ms: number): Promise<boolean> {
  if (rttMs !== undefined) path.rttMs = rttMs;
  if (stops === undefined) return false;
  path.clock.stop();
  await sleep(stops * ms);
  path.clock.go();
  return true;
}

/** Tells what comes, time and again; the function it returns ends that. */
function glances(sights: readonly Sight[], everyMs: number | undefined): () => void {
  if (everyMs === undefined) return () => {};
  const startedAtMs = performance.now();
  let lastAtMs = startedAtMs;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const streams = sights.map((sight) => sight.glimpse());
    const glance: Glance = { atMs: nowMs - startedAtMs, elapsedMs: nowMs - lastAtMs, streams };
    notice(glance);
    lastAtMs = nowMs;
  }, everyMs);
  return () => clearInterval(timer);
}

answering(view);
