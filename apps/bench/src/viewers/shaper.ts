import type { Bottleneck } from "./bottleneck.ts";
import type { PathClock } from "./path-clock.ts";

/** Where bytes come from. */
export interface Inflow {
  pause(): void;
  resume(): void;
}

/** What a path does to bytes in one direction. */
export interface Shape {
  readonly clock: PathClock;
  readonly bottleneck: Bottleneck;
  /** How long what leaves then is on its way. */
  delayMs(atMs: number): number;
}

/** What a router keeps of a connection before that has to wait: the rest stays with its sender. */
const BUFFER_MS = 10;
/** Bytes that leave at once. */
const PACKET_BYTES = 1_460;
const TICK_MS = 1;

/** Lets the bytes of one connection through at a rate, and after a while, in their order. */
export class Shaper {
  readonly #shape: Shape;
  readonly #inflow: Inflow;
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #packets: { readonly atMs: number; readonly bytes: Uint8Array }[] = [];
  /** When the last of them leaves the bottleneck, and when it arrives. */
  #leavesAtMs = 0;
  #arrivesAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isPaused = false;

  constructor(shape: Shape, inflow: Inflow, deliver: (bytes: Uint8Array) => void) {
    this.#shape = shape;
    this.#inflow = inflow;
    this.#deliver = deliver;
  }

  take(bytes: Uint8Array): void {
    const { bottleneck, clock } = this.#shape;
    const nowMs = clock.now();
    for (let at = 0; at < bytes.byteLength; at += PACKET_BYTES) {
      const packet = bytes.subarray(at, at + PACKET_BYTES);
      this.#leavesAtMs = bottleneck.pass(packet.byteLength, nowMs);
      const atMs = this.#leavesAtMs + this.#shape.delayMs(this.#leavesAtMs);
      // A delay that has become shorter lets nothing overtake.
      this.#arrivesAtMs = Math.max(this.#arrivesAtMs, atMs);
      this.#packets.push({ atMs: this.#arrivesAtMs, bytes: packet });
    }
    this.#steer();
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#packets.length = 0;
  }

  #tick(): void {
    const nowMs = this.#shape.clock.now();
    const due = this.#packets.findIndex(({ atMs }) => atMs > nowMs);
    for (const { bytes } of this.#packets.splice(0, due < 0 ? Infinity : due)) this.#deliver(bytes);
    this.#steer();
    if (this.#packets.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #steer(): void {
    const isFull = this.#leavesAtMs - this.#shape.clock.now() > BUFFER_MS;
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#inflow.pause();
    else this.#inflow.resume();
  }
}
