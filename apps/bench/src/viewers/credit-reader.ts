import { setTimeout as sleep } from "node:timers/promises";
import { WebSocketStream } from "@spillway/client";
import { WebSocket } from "ws";

/** An application that tells the server what it has read. */
export interface CreditReader {
  /** Ends the connection at once. */
  vanish(): void;
}

/**
 * Connects an application that reads messages at its own pace: what it has not read waits where the
 * server knows of it, not in the socket.
 *
 * @param bytesPerSecond - what it reads at most
 */
export async function creditReader(
  url: string,
  bytesPerSecond: number | undefined,
  take: (message: Uint8Array) => void,
): Promise<CreditReader> {
  const gone = new AbortController();
  const socket = new WebSocketStream(url, { WebSocket, credits: "require" });
  const { readable } = await socket.opened;
  socket.closed.catch(() => {});
  const read = async (): Promise<void> => {
    let freeAtMs = 0;
    for await (const message of readable) {
      take(message as Uint8Array);
      if (bytesPerSecond === undefined) continue;
      const nowMs = performance.now();
      freeAtMs = Math.max(freeAtMs, nowMs) + (message.length / bytesPerSecond) * 1_000;
      await sleep(freeAtMs - nowMs, undefined, { signal: gone.signal });
    }
  };
  read().catch(() => {});
  return {
    vanish() {
      gone.abort();
      socket.close();
    },
  };
}
