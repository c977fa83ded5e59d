import type { PlatformWebSocket } from "./platform.ts";
import { startTimer } from "./timer.ts";

/** Milliseconds from one look to the next, at first and at most. */
const FIRST_LOOK_MS = 1;
const MAX_LOOK_MS = 32;

/**
 * Waits for a `WebSocket` to have sent what it holds. No event tells of that, so this is the one place
 * that polls.
 */
export class Unsent {
  readonly #socket: PlatformWebSocket;
  readonly #mark: number;
  readonly #drained: () => void;
  #stopTimer: (() => void) | undefined;

  /** @param drained - called once there is room again, after `wait()` */
  constructor(socket: PlatformWebSocket, mark: number, drained: () => void) {
    this.#socket = socket;
    this.#mark = mark;
    this.#drained = drained;
  }

  get hasRoom(): boolean {
    return this.#socket.bufferedAmount < this.#mark;
  }

  wait(): void {
    if (!this.#stopTimer) this.#look(FIRST_LOOK_MS);
  }

  stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #look(delayMs: number): void {
    this.#stopTimer = startTimer(() => {
      this.#stopTimer = undefined;
      if (this.hasRoom) this.#drained();
      else this.#look(Math.min(delayMs * 2, MAX_LOOK_MS));
    }, delayMs);
  }
}
