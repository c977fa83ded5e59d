import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connectPeer } from "@spillway/testing/node";
import { expect, onTestFinished, test } from "vitest";

test("the live feed runs", { timeout: 20_000 }, async () => {
  const server = fileURLToPath(new URL("../examples/live-feed/server.ts", import.meta.url));
  const child = spawn(process.execPath, [
    "--conditions=@spillway/source",
    "--import",
    "tsx",
    server,
  ]);
  onTestFinished(() => {
    child.kill();
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const peer = await connectPeer(`${line.toString().trim().replace("http", "ws")}/clock`);
  const [first, second] = await peer.collect(2);
  expect(new Date(second as string).getTime()).toBeGreaterThan(new Date(first as string).getTime());
});
