/** What a heartbeat looks at and what it does. */
export interface HeartbeatHost {
  /** Whether we have stopped reading, so that silence says nothing. */
  isPaused(): boolean;
  /** A number that grows with every sign of life: bytes read, bytes the kernel took, pongs. */
  progress(): number;
  /** Reads once although paused, so that the peer's end is noticed. */
  probe(): void;
  /** Asks for a sign of life. */
  ping(): void;
  dead(silentMs: number): void;
}

/**
 * Gives a peer up that shows no sign of life for `deadlineMs`. Data still moving counts as one, since
 * pings queue behind data; there is no verdict while we do not read, since then no pong arrives.
 */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout;
  readonly #host: HeartbeatHost;
  readonly #deadlineMs: number;
  #progress = -1;
  #aliveAt: number = performance.now();

  constructor(options: { everyMs: number; deadlineMs: number }, host: HeartbeatHost) {
    this.#host = host;
    this.#deadlineMs = options.deadlineMs;
    this.#timer = setInterval(() => this.#beat(), options.everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const now = performance.now();
    const progress = this.#host.progress();
    if (progress !== this.#progress || this.#host.isPaused()) {
      this.#progress = progress;
      this.#aliveAt = now;
    }
    const silentMs = now - this.#aliveAt;
    if (silentMs >= this.#deadlineMs) {
      this.#host.dead(silentMs);
      return;
    }
    this.#host.probe();
    this.#host.ping();
  }
}
