import { StatusLine } from "./status-line.ts";
import type { Effort } from "./workload.ts";

/** What a process takes to start, about. */
const START_MS = 150;

/** Says on stderr what runs and how long it still takes. */
export class Progress {
  readonly #effort: Effort;
  readonly #plannedMs: number;
  readonly #startedAt = performance.now();
  readonly #status = new StatusLine();
  #doneMs = 0;
  #block = "";

  /** @param contenders - how many there will be in all */
  constructor(effort: Effort, contenders: number) {
    this.#effort = effort;
    this.#plannedMs = contenders * (this.#prepareMs + effort.reps * effort.repMs);
  }

  get #prepareMs(): number {
    return START_MS + this.#effort.warmUpMs;
  }

  start(block: string, contenders: number): void {
    this.#block = block;
    const { reps } = this.#effort;
    const what = `${contenders} variants × ${reps} repetitions`;
    this.#status.begin(`${block}: ${what}, ${this.#left()}`);
  }

  prepared(variant: string): void {
    this.#step(this.#prepareMs, `${variant} is warm`);
  }

  repeated(variant: string, rep: number): void {
    this.#step(this.#effort.repMs, `${rep} of ${this.#effort.reps}, ${variant}`);
  }

  /** Makes room for what is printed next. */
  clear(): void {
    this.#status.clear();
  }

  #step(ms: number, what: string): void {
    this.#doneMs += ms;
    this.#status.show(`${this.#block}: ${what}, ${this.#left()}`);
  }

  #left(): string {
    const pace = this.#doneMs > 0 ? (performance.now() - this.#startedAt) / this.#doneMs : 1;
    // What failed early took no time, so the plan may be over before its end.
    const leftMs = Math.max(0, this.#plannedMs - this.#doneMs) * pace;
    return `about ${Math.ceil(leftMs / 1000)} s left`;
  }
}
