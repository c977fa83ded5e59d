// Loaded by a page: it reads with our client, or with that of the browser, and keeps what it has read.
import {
  ReconnectingWebSocketStream,
  type WebSocketError,
  WebSocketStream,
} from "@spillway/client";
import { now, STAMP_BYTES } from "../../clients/protocol.ts";
import type { Span } from "../states/protocol.ts";
import type { PageJob, PageReport } from "./protocol.ts";

/** What the page and its driver know each other by. */
interface PageScope {
  /** Resolves when something was read. */
  read(job: PageJob): Promise<void>;
  block(ms: number): Span;
  report(): PageReport;
}

const scope = globalThis as unknown as PageScope;
const readings: [atMs: number, madeAtMs: number, bytes: number][] = [];
let bytes = 0;
let lost: PageReport["lost"];
let onFirst: () => void = () => {};

scope.read = async (job) => {
  const began = new Promise<void>((resolve) => {
    onFirst = resolve;
  });
  if (job.reader === "plain") readPlain(job.url);
  else readStream(job).catch((error: unknown) => lose(String(error)));
  await began;
};

scope.block = (ms) => {
  const fromMs = now();
  while (now() - fromMs < ms);
  return { fromMs, untilMs: now() };
};

scope.report = () => ({ readings, lost });

async function readStream({ url, reader, everyMs }: PageJob): Promise<void> {
  const socket =
    reader === "reconnecting"
      ? new ReconnectingWebSocketStream(url, { credits: "require", stale: "drop" })
      : new WebSocketStream(url, {
          credits: reader === "credits" ? "require" : "off",
          // Without credits what comes too fast has to go.
          overflow: "drop-oldest",
        });
  socket.closed.then(
    ({ closeCode }) => lose(`closed with ${closeCode}`),
    (error: WebSocketError) => lose(`closed with ${error.closeCode}`),
  );
  const { readable } = await socket.opened;
  const messages = readable.getReader();
  for (;;) {
    const { done, value } = await messages.read();
    if (done) return;
    take(value as Uint8Array);
    if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

function readPlain(url: string): void {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => {
    take(new Uint8Array(data));
  });
  socket.addEventListener("close", ({ code }) => lose(`closed with ${code}`));
}

function take(message: Uint8Array): void {
  bytes += message.byteLength;
  const madeAtMs = Number(String.fromCharCode(...message.subarray(0, STAMP_BYTES))) / 1000;
  readings.push([now(), madeAtMs, bytes]);
  onFirst();
}

function lose(why: string): void {
  lost ??= { atMs: now(), why };
}
