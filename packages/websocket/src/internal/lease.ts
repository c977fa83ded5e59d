import { reportUncaught } from "@spillway/streams/ends";

/** Counts who still needs a buffer, and gives it back once nobody does. */
export class Lease {
  #holders = 0;
  #release: (() => void) | undefined;

  constructor(release: () => void) {
    this.#release = release;
  }

  /** Whether the buffer was given back, and may hold anything by now. */
  get isOver(): boolean {
    return this.#release === undefined;
  }

  hold(): void {
    this.#holders++;
  }

  free(): void {
    if (--this.#holders > 0 || !this.#release) return;
    const release = this.#release;
    this.#release = undefined;
    try {
      release();
    } catch (error) {
      reportUncaught(error);
    }
  }
}
