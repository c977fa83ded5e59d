/** Where bytes come from. */
export interface Inflow {
  pause(): void;
  resume(): void;
}

/** What a path does to bytes in one direction. */
export interface Shape {
  /** @defaultValue without a limit */
  readonly bytesPerSecond?: number | undefined;
  /** From the time that they have left until they arrive. @defaultValue `0` */
  readonly delayMs?: number | undefined;
}

/** What a router keeps before it lets its senders wait: the rest stays with them. */
const BUFFER_MS = 10;
/** Bytes that leave at once. */
const PACKET_BYTES = 1_460;
const TICK_MS = 1;

/** Lets bytes through at a rate, and after a while. */
export class Shaper {
  readonly #bytesPerMs: number;
  readonly #delayMs: number;
  readonly #inflow: Inflow;
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #packets: { readonly atMs: number; readonly bytes: Uint8Array }[] = [];
  #freeAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isPaused = false;

  constructor(
    { bytesPerSecond = Infinity, delayMs = 0 }: Shape,
    inflow: Inflow,
    deliver: (bytes: Uint8Array) => void,
  ) {
    this.#bytesPerMs = bytesPerSecond / 1_000;
    this.#delayMs = delayMs;
    this.#inflow = inflow;
    this.#deliver = deliver;
  }

  take(bytes: Uint8Array): void {
    this.#freeAtMs = Math.max(this.#freeAtMs, performance.now());
    for (let at = 0; at < bytes.byteLength; at += PACKET_BYTES) {
      const packet = bytes.subarray(at, at + PACKET_BYTES);
      this.#freeAtMs += packet.byteLength / this.#bytesPerMs;
      this.#packets.push({ atMs: this.#freeAtMs + this.#delayMs, bytes: packet });
    }
    this.#steer();
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#packets.length = 0;
  }

  #tick(): void {
    const nowMs = performance.now();
    const due = this.#packets.findIndex(({ atMs }) => atMs > nowMs);
    for (const { bytes } of this.#packets.splice(0, due < 0 ? Infinity : due)) this.#deliver(bytes);
    this.#steer();
    if (this.#packets.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #steer(): void {
    const isFull = this.#freeAtMs - performance.now() > BUFFER_MS;
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#inflow.pause();
    else this.#inflow.resume();
  }
}
