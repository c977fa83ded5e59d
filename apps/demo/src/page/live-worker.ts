import { ReconnectingWebSocketStream } from "../vendor/spillway-client.js";
import { Pace } from "./pace.js";
import { Screen } from "./screen.js";
import {
  REPORT_EVERY_MS,
  type WorkerNews,
  type WorkerOrder,
  type WorkerStart,
} from "./worker-protocol.js";

const pace = new Pace();

addEventListener("message", ({ data }: MessageEvent<WorkerStart | WorkerOrder>) => {
  if ("mode" in data) pace.set(data.mode, data.bitsPerSecond);
  else start(data);
});

const tell = (news: WorkerNews): void => postMessage(news);

/** Shows what comes on one socket, which connects again when it is lost. */
function start({ url, canvas }: WorkerStart): void {
  const screen = new Screen(canvas);
  const socket = new ReconnectingWebSocketStream(url, { reconnect: { maxDelayMs: 5_000 } });
  // This tells why; all others end with it.
  socket.opened.catch(() => {});
  socket.closed.catch((error: unknown) => console.warn("The connection has ended", error));
  const lanes = [show(socket, screen), pass(socket, "telemetry"), pass(socket, "flow")];
  for (const lane of lanes) lane.catch(() => {});
  setInterval(() => {
    const connected = socket.state.status === "open";
    tell({ type: "report", report: { connected, ...screen.report() } });
  }, REPORT_EVERY_MS);
}

/** Reads pictures as fast as the buttons allow: the server hears of each. */
async function show(socket: ReconnectingWebSocketStream, screen: Screen): Promise<void> {
  const reader = socket.lane("video", { gaps: true }).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (value instanceof Uint8Array) {
      screen.take(value);
      await pace.hold(value.byteLength);
    } else if (typeof value !== "string") screen.restart();
  }
}

/** Passes texts on to the page. */
async function pass(
  socket: ReconnectingWebSocketStream,
  name: "telemetry" | "flow",
): Promise<void> {
  const reader = socket.lane(name).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (typeof value === "string") tell({ type: name, messages: [value] });
  }
}
