import type { Mode } from "./control.js";

/** How fast a viewer reads: what the buttons want of it. */
export class Pace {
  #mode: Mode = "live";
  #bitsPerSecond = Infinity;
  #changed: (() => void) | undefined;

  set(mode: Mode, bitsPerSecond: number): void {
    this.#mode = mode;
    this.#bitsPerSecond = bitsPerSecond;
    this.#changed?.();
  }

  /** Resolves when so many bytes may have been read. */
  async hold(bytes: number): Promise<void> {
    if (this.#mode === "slow") await this.#wait((bytes * 8_000) / this.#bitsPerSecond);
    while (this.#mode === "frozen") await this.#wait(undefined);
  }

  /** Waits so many milliseconds, or until something changes. */
  async #wait(ms: number | undefined): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#changed = resolve;
      if (ms !== undefined) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#changed = undefined;
  }
}
