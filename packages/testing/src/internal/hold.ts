import type { Timers } from "../virtual-clock.ts";

/** Read when used, so that a clock installed later is heeded. */
const globalTimers: Timers = {
  setTimeout: (callback, delayMs) => globalThis.setTimeout(callback, delayMs),
  clearTimeout: (timer) => globalThis.clearTimeout(timer),
};

/** Holds one end of a stream up: until it is released, or until a time has passed. */
export class Hold {
  readonly #timers: Timers;
  #timer: ReturnType<Timers["setTimeout"]> | undefined;
  #settle: { readonly resolve: () => void; readonly reject: (reason: unknown) => void } | undefined;
  /** Asked for before anything came to be held. */
  #next = false;
  #stalled = false;

  constructor(timers: Timers = globalTimers) {
    this.#timers = timers;
  }

  get stalled(): boolean {
    return this.#stalled;
  }

  stallNext(): void {
    this.#next = true;
  }

  /** The stall that was asked for, if one was. */
  async asked(): Promise<void> {
    if (!this.#next) return;
    this.#next = false;
    await this.stall();
  }

  stall(): Promise<void> {
    this.#stalled = true;
    return this.#wait();
  }

  delay(ms: number): Promise<void> {
    this.#timer = this.#timers.setTimeout(() => this.#settle?.resolve(), ms);
    return this.#wait();
  }

  release(what: string): void {
    if (!this.#stalled && !this.#next) throw new Error(`Cannot release ${what}: it is not stalled`);
    this.#next = false;
    if (this.#stalled) this.#settle?.resolve();
  }

  /** Lets go of what waits, whatever it waits for. */
  end(outcome: "resolve" | "reject", reason?: unknown): void {
    this.#next = false;
    this.#settle?.[outcome](reason);
  }

  async #wait(): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#settle = { resolve, reject };
      });
    } finally {
      this.#timers.clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#settle = undefined;
      this.#stalled = false;
    }
  }
}
