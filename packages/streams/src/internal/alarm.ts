import { MAX_TIMER_MS } from "../options.ts";

/** One timer of a stage, which goes with the stage. */
export class Alarm {
  readonly #ring: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  get isSet(): boolean {
    return this.#timer !== undefined;
  }

  /** Rings in `delayMs`, or as late as a timer can; one that is set stays as it is. */
  set(delayMs: number): void {
    if (this.isSet || this.#isOver) return;
    const ring = (): void => {
      this.#timer = undefined;
      this.#ring();
    };
    this.#timer = setTimeout(ring, Math.min(Math.ceil(delayMs), MAX_TIMER_MS));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Stops for good: what is still under way may not set it again. */
  dispose(): void {
    this.stop();
    this.#isOver = true;
  }
}
