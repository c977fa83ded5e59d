import { WebSocketStream } from "../vendor/spillway-client.js";
import { Pace } from "./pace.js";
import { Screen } from "./screen.js";
import {
  REPORT_EVERY_MS,
  type WorkerNews,
  type WorkerOrder,
  type WorkerStart,
} from "./worker-protocol.js";

/** First and last delay before connecting again, in milliseconds; the very first try is at once. */
const FIRST_DELAY_MS = 250;
const LAST_DELAY_MS = 5_000;

const pace = new Pace();

addEventListener("message", ({ data }: MessageEvent<WorkerStart | WorkerOrder>) => {
  if ("mode" in data) pace.set(data.mode, data.bitsPerSecond);
  else void start(data);
});

const tell = (news: WorkerNews): void => postMessage(news);

/** Shows what one connection brings, and then what the next does, for as long as the page is open. */
async function start({ url, canvas }: WorkerStart): Promise<void> {
  const screen = new Screen(canvas);
  let connected = false;
  setInterval(() => {
    tell({ type: "report", report: { connected, ...screen.report() } });
  }, REPORT_EVERY_MS);
  let failures = 0;
  for (;;) {
    const socket = new WebSocketStream(url);
    try {
      await socket.opened;
      connected = true;
      failures = 0;
      screen.restart();
      await Promise.all([show(socket, screen), pass(socket, "telemetry"), pass(socket, "flow")]);
    } catch {
      // The page shows that it is lost; what follows is a new try.
    }
    connected = false;
    socket.close();
    const delay = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
    const wait = failures === 0 ? 0 : delay * (0.5 + Math.random() / 2);
    failures++;
    await new Promise((resolve) => {
      setTimeout(resolve, wait);
    });
  }
}

/** Reads pictures as fast as the buttons allow: the server hears of each. */
async function show(socket: WebSocketStream, screen: Screen): Promise<void> {
  const reader = socket.lane("video").getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (typeof value === "string") continue;
    screen.take(value);
    await pace.hold(value.byteLength);
  }
}

/** Passes texts on to the page. */
async function pass(socket: WebSocketStream, name: "telemetry" | "flow"): Promise<void> {
  const reader = socket.lane(name).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (typeof value === "string") tell({ type: name, messages: [value] });
  }
}
