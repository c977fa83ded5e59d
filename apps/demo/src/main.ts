import closeWithGrace from "close-with-grace";
import { buildApp } from "./app.ts";
import { listenOptions } from "./environment.ts";
import { openVideo } from "./video-source.ts";

try {
  const { host, port } = listenOptions(process.env);
  const stopped = new AbortController();
  const video = await openVideo(process.env["SPILLWAY_SOURCE"], { signal: stopped.signal });
  const app = await buildApp({ video, logger: { level: process.env["LOG_LEVEL"] ?? "warn" } });
  const address = await app.listen({ host, port });
  console.log(`Spillway demo: ${address}`);
  closeWithGrace({ delay: 10_000, logger: false }, async ({ err }) => {
    if (err) app.log.fatal({ err }, "stopping");
    await app.close();
    stopped.abort();
  });
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  const isTaken = code === "EADDRINUSE";
  console.error(`${code ?? "Error"}: ${message}${isTaken ? "; set PORT to a free port" : ""}`);
  process.exit(1);
}
