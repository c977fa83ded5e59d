import { ReconnectingWebSocketStream } from "../vendor/spillway-client.js";
import type { ViewerReport } from "../flow-snapshot.js";
import { Pace } from "./pace.js";
import { Screen } from "./screen.js";
import {
  REPORT_EVERY_MS,
  type WorkerNews,
  type WorkerOrder,
  type WorkerStart,
} from "./worker-protocol.js";

const pace = new Pace();
let current: ReconnectingWebSocketStream | undefined;

addEventListener("message", ({ data }: MessageEvent<WorkerStart | WorkerOrder>) => {
  if ("mode" in data) pace.set(data.mode, data.bitsPerSecond);
  else if ("url" in data) current = start(data);
  else if (data.isAsleep) current?.suspend();
  else current?.resume();
});

const tell = (news: WorkerNews): void => postMessage(news);

/** Shows what comes on one socket, which connects again when it is lost. */
function start({ url, canvas }: WorkerStart): ReconnectingWebSocketStream {
  const socket = new ReconnectingWebSocketStream(url, { reconnect: { maxDelayMs: 5_000 } });
  const screen = new Screen(canvas, () => socket.resync("video"));
  // This tells why; all others end with it.
  socket.opened.catch(() => {});
  socket.closed.catch((error: unknown) => console.warn("The connection has ended", error));
  const report = reporter(socket);
  const lanes = [show(socket, screen), pass(socket, "telemetry"), pass(socket, "flow")];
  for (const lane of lanes) lane.catch(() => {});
  setInterval(() => {
    const connected = socket.state.status === "open";
    const shown = screen.report();
    tell({ type: "report", report: { connected, ...shown } });
    if (connected && shown.ageMs !== undefined) report(shown.ageMs);
  }, REPORT_EVERY_MS);
  return socket;
}

/** Tells the server how old the picture is that is shown. */
function reporter(socket: ReconnectingWebSocketStream): (ageMs: number) => void {
  let writer: WritableStreamDefaultWriter<string> | undefined;
  socket.opened.then(
    ({ writable }) => {
      writer = writable.getWriter();
    },
    () => {},
  );
  return (ageMs) => {
    // What there is no room for would be old when it is sent: the next one tells more.
    if (!writer || (writer.desiredSize ?? 0) <= 0) return;
    // Clocks differ, and a picture is not from the future.
    const report: ViewerReport = { ageMs: Math.max(0, Math.round(ageMs)) };
    void writer.write(JSON.stringify(report));
  };
}

/** Reads pictures as fast as the buttons allow: the server hears of each. */
async function show(socket: ReconnectingWebSocketStream, screen: Screen): Promise<void> {
  const reader = socket.lane("video", { gaps: true, stale: "drop" }).getReader();
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
  const reader = socket.lane(name, { stale: "drop" }).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (typeof value === "string") tell({ type: name, messages: [value] });
  }
}
