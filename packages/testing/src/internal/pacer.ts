import { nowMs, startTimer, stopTimer } from "./clock.ts";
import type { ReadPace } from "../read-pace.ts";

/** What a pacer steers. */
export interface Tap {
  pause(): void;
  resume(): void;
}

/** Credit kept from time in which nothing arrived, or in which a timer came late. */
const BURST_MS = 100;

/**
 * Opens and closes a tap so that what runs through it keeps a pace.
 *
 * Reading goes on while the account is not overdrawn. A read takes what is there, up to 64 KiB, so
 * one read may overdraw it by that much; the tap then stays shut until time has paid for it. That
 * is why the long run is exact although `pause()` comes late.
 */
export class Pacer {
  readonly #tap: Tap;
  #held = true;
  #frozen = false;
  #bytesPerMs = Number.POSITIVE_INFINITY;
  #creditBytes = 0;
  #paidAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(tap: Tap) {
    this.#tap = tap;
  }

  /** Begins; until then the tap is shut, whatever else was asked for. */
  start(): void {
    this.#held = false;
    this.#paidAtMs = nowMs();
    this.#steer();
  }

  set(pace: ReadPace): void {
    this.#frozen = pace === "never";
    if (pace !== "never") {
      this.#bytesPerMs = pace === "fast" ? Number.POSITIVE_INFINITY : pace.bytesPerSecond / 1_000;
      this.#creditBytes = 0;
      this.#paidAtMs = nowMs();
    }
    this.#steer();
  }

  freeze(): void {
    this.#frozen = true;
    this.#steer();
  }

  thaw(): void {
    this.#frozen = false;
    this.#steer();
  }

  /** Takes note of bytes that came through. */
  spend(bytes: number): void {
    if (this.#bytesPerMs === Number.POSITIVE_INFINITY) return;
    this.#earn();
    this.#creditBytes -= bytes;
    if (this.#creditBytes < 0) this.#steer();
  }

  stop(): void {
    this.#stopped = true;
    stopTimer(this.#timer);
  }

  #steer(): void {
    stopTimer(this.#timer);
    if (this.#stopped) return;
    if (this.#held || this.#frozen) return this.#tap.pause();
    if (this.#bytesPerMs === Number.POSITIVE_INFINITY) return this.#tap.resume();
    this.#earn();
    if (this.#creditBytes >= 0) return this.#tap.resume();
    this.#tap.pause();
    const waitMs = Math.ceil(-this.#creditBytes / this.#bytesPerMs);
    this.#timer = startTimer(() => this.#steer(), Math.min(waitMs, 60_000));
  }

  #earn(): void {
    const atMs = nowMs();
    const earned = (atMs - this.#paidAtMs) * this.#bytesPerMs;
    this.#creditBytes = Math.min(this.#creditBytes + earned, BURST_MS * this.#bytesPerMs);
    this.#paidAtMs = atMs;
  }
}
