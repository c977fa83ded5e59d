// Loaded by a page: a viewer with the client of the browser, or with ours.
import { WebSocketStream } from "@spillway/client";
import { now } from "../../../clients/protocol.ts";
import type { Span } from "../protocol.ts";
import { Reporter } from "../reporter.ts";

/** What the page and its driver know each other by. */
interface PageScope {
  /** A showing, as JSON. */
  tell(showing: string): void;
  view(url: string): void;
  viewWithCredits(url: string): void;
  block(ms: number): Span;
  /** Has each picture take so long. */
  slow(ms: number): number;
}

const scope = globalThis as unknown as PageScope;
/** A browser closes the connection of a page that slept. */
const RECONNECT_MS = 100;

let eachMs = 0;

scope.view = (url) => {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const reporter = new Reporter((showing) => scope.tell(JSON.stringify(showing)));
  socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => {
    if (eachMs > 0) scope.block(eachMs);
    reporter.show(new Uint8Array(data));
  });
  socket.addEventListener("close", () => setTimeout(() => scope.view(url), RECONNECT_MS));
};

scope.viewWithCredits = (url) => {
  const again = (): unknown => setTimeout(() => scope.viewWithCredits(url), RECONNECT_MS);
  void read(url).then(again, again);
};

async function read(url: string): Promise<void> {
  const socket = new WebSocketStream(url, { credits: "require" });
  const { readable } = await socket.opened;
  const reporter = new Reporter((showing) => scope.tell(JSON.stringify(showing)));
  const pictures = readable.getReader();
  for (;;) {
    const { done, value } = await pictures.read();
    if (done) return;
    if (eachMs > 0) scope.block(eachMs);
    reporter.show(value as Uint8Array);
  }
}

scope.block = (ms) => {
  const fromMs = now();
  while (now() - fromMs < ms);
  return { fromMs, untilMs: now() };
};

scope.slow = (ms) => {
  eachMs = ms;
  return now();
};
