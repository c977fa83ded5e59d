import type { Connection } from "@spillway/websocket";
import { onTestFinished } from "vitest";

/** The largest account that was seen. */
export interface Watch {
  readonly looks: number;
  readonly bufferedBytes: number;
  readonly queuedBytes: number;
  readonly inFlightBytes: number;
  readonly receiveQueuedBytes: number;
  look(): void;
}

/** Looks at the account again and again, until the test ends. */
export function watch(connection: Connection): Watch {
  const most = {
    looks: 0,
    bufferedBytes: 0,
    queuedBytes: 0,
    inFlightBytes: 0,
    receiveQueuedBytes: 0,
    look(): void {
      const stats = connection.stats();
      most.looks++;
      most.bufferedBytes = Math.max(most.bufferedBytes, stats.bufferedBytes);
      most.queuedBytes = Math.max(most.queuedBytes, stats.queuedBytes);
      most.inFlightBytes = Math.max(most.inFlightBytes, stats.inFlightBytes ?? 0);
      most.receiveQueuedBytes = Math.max(most.receiveQueuedBytes, stats.receiveQueuedBytes);
    },
  };
  const timer = setInterval(() => most.look(), 1);
  onTestFinished(() => clearInterval(timer));
  return most;
}
