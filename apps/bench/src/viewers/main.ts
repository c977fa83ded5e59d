// The process of a viewer, and of the path to it.
import { connectPeer } from "@spillway/testing/node";
import { answering } from "../answering.ts";
import { Ages } from "../clients/ages.ts";
import type { View, ViewAsk } from "./protocol.ts";
import { shapedPath } from "./shaped-path.ts";

async function view({ port, ms, reads, path }: ViewAsk): Promise<View> {
  const shaped = path && (await shapedPath(port, path));
  const peer = await connectPeer(`ws://127.0.0.1:${shaped?.port ?? port}/`, {
    ...(reads !== undefined && { read: { bytesPerSecond: reads } }),
  });
  const ages = new Ages(0);
  let bytes = 0;
  const startedAt = performance.now();
  peer.onMessage((data) => {
    const message = Buffer.from(data as Uint8Array);
    bytes += message.byteLength;
    ages.take(message, 0, message.byteLength);
  });
  await new Promise((resolve) => setTimeout(resolve, ms));
  const seconds = (performance.now() - startedAt) / 1_000;
  peer.vanish();
  shaped?.stop();
  if (bytes === 0) throw new Error("Cannot see anything: no message has come");
  return {
    bytesPerSecond: bytes / seconds,
    p50: ages.quantile(0.5),
    p99: ages.quantile(0.99),
  };
}

answering(view);
