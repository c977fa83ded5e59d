/** The time of a path in milliseconds: it stands still while nothing moves there. */
export class PathClock {
  #behindMs = 0;
  #stoppedAtMs: number | undefined;

  now(): number {
    return (this.#stoppedAtMs ?? performance.now()) - this.#behindMs;
  }

  stop(): void {
    this.#stoppedAtMs ??= performance.now();
  }

  go(): void {
    if (this.#stoppedAtMs === undefined) return;
    this.#behindMs += performance.now() - this.#stoppedAtMs;
    this.#stoppedAtMs = undefined;
  }
}
