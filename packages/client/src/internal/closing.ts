import type { PlatformWebSocket } from "./platform.ts";
import { startTimer } from "./timer.ts";

/** Milliseconds for a closing handshake, counted anew while what is ahead of it still moves. */
const CLOSE_TIMEOUT_MS = 10_000;

/**
 * Watches over a closing handshake: a peer that reads nothing never answers, and platforms differ in
 * how long they wait for it.
 *
 * @param giveUp - called when nothing has moved for too long
 * @returns stops watching
 */
export function watchClosing(socket: PlatformWebSocket, giveUp: () => void): () => void {
  let unsent = socket.bufferedAmount;
  let stop: () => void;
  const look = (): void => {
    const before = unsent;
    unsent = socket.bufferedAmount;
    if (unsent < before) stop = startTimer(look, CLOSE_TIMEOUT_MS);
    else giveUp();
  };
  stop = startTimer(look, CLOSE_TIMEOUT_MS);
  return () => stop();
}
