import { Control } from "./control.js";
import { Feed } from "./feed.js";
import { Screen } from "./screen.js";
import { REPORT_EVERY_MS, type WorkerNews, type WorkerStart } from "./worker-protocol.js";

/** Milliseconds of freeze after which what is on its way is too old to be worth decoding. */
const STALE_MS = 1_000;

addEventListener("message", ({ data }: MessageEvent<WorkerStart>) => {
  // The rest is for those who are told how to read; this one is held up by memory it shares.
  if ("url" in data) start(data);
});

/** The comparison: a WebSocket, and no way to read it slowly but to be busy. */
function start({ url, canvas, memory }: WorkerStart): void {
  const control = memory && new Control(memory);
  const screen = new Screen(canvas);
  let connected = false;
  const feed = new Feed(url, {
    message: (data) => {
      if (typeof data === "string") return;
      const frozenMs = control?.hold(data.byteLength) ?? 0;
      if (frozenMs > STALE_MS) feed.restart();
      else screen.take(new Uint8Array(data));
    },
    connected: (isConnected) => {
      connected = isConnected;
      screen.restart();
    },
  });
  feed.start();
  setInterval(() => {
    const news: WorkerNews = { type: "report", report: { connected, ...screen.report() } };
    postMessage(news);
  }, REPORT_EVERY_MS);
}
