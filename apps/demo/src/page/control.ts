/** What the buttons do to a viewer: read on, read slowly, or stop reading. */
export type Mode = "live" | "slow" | "frozen";

const MODES: readonly Mode[] = ["live", "slow", "frozen"];
const MODE = 0;
const BITS_PER_SECOND = 1;

/**
 * Shared memory through which the page holds up its worker. The worker really sleeps in its message
 * handler, so the browser stops reading its socket, as with a page that is busy or asleep.
 */
export class Control {
  /** To be handed to the worker. */
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  get mode(): Mode {
    return MODES[Atomics.load(this.#words, MODE)] ?? "live";
  }

  /** Called by the page; wakes the worker. */
  set(mode: Mode, bitsPerSecond: number): void {
    Atomics.store(this.#words, BITS_PER_SECOND, bitsPerSecond);
    Atomics.store(this.#words, MODE, MODES.indexOf(mode));
    Atomics.notify(this.#words, MODE);
  }

  /**
   * Called by the worker for each message: sleeps as long as the mode wants.
   *
   * @returns the milliseconds it was frozen
   */
  hold(bytes: number): number {
    const started = performance.now();
    if (this.mode === "slow") {
      const bitsPerSecond = Atomics.load(this.#words, BITS_PER_SECOND);
      Atomics.wait(this.#words, MODE, MODES.indexOf("slow"), (bytes * 8_000) / bitsPerSecond);
    }
    if (this.mode !== "frozen") return 0;
    Atomics.wait(this.#words, MODE, MODES.indexOf("frozen"));
    return performance.now() - started;
  }
}
