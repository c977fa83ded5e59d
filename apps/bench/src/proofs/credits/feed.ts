import { broadcast } from "@spillway/streams";
import type { Connection } from "@spillway/websocket";
import { stamp } from "../../clients/protocol.ts";
import type { FeedShape } from "./protocol.ts";

const TICK_MS = 5;

/** Offers messages by the clock, for as long as the connection lasts; what it has no room for is dropped. */
export function feed({ signal, writable }: Connection, { bytes, perSecond }: FeedShape): void {
  const hub = broadcast<Buffer>();
  hub
    .subscribe({ overflow: "latest" })
    .pipeTo(writable)
    .catch(() => {});
  const startedAt = performance.now();
  let offered = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAt) / 1_000) * perSecond;
    for (; offered < due; offered++) hub.publish(message(bytes));
  }, TICK_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/** Begins with the time it was made at. */
function message(bytes: number): Buffer {
  const made = Buffer.alloc(bytes);
  made.write(stamp());
  return made;
}
