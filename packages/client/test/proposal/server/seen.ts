import type { Report, Until } from "../report.ts";

/** How long `still` means. */
const STILL_MS = 400;
/** No report waits for longer. */
const PATIENCE_MS = 8_000;

/** What the server saw of one id, and the orders that its connection takes. */
export class Seen {
  #report: Report = {
    requests: 0,
    offered: [],
    messages: [],
    sent: 0,
    closeCode: undefined,
    reason: "",
    hasEnded: false,
  };
  readonly #orders = new Map<string, () => void>();
  readonly #watchers = new Set<() => void>();

  get report(): Report {
    return this.#report;
  }

  update(news: Partial<Report>): void {
    this.#report = { ...this.#report, ...news };
    for (const watcher of this.#watchers) watcher();
  }

  /** Takes an order; it runs as often as it is given. */
  on(order: string, run: () => void): void {
    this.#orders.set(order, run);
  }

  /** Gives an order, if there is someone to take it. */
  tell(order: string): boolean {
    const run = this.#orders.get(order);
    run?.();
    return run !== undefined;
  }

  /** Waits, but not for ever: the report tells whether it came to that. */
  async reportWhen(until: Until): Promise<Report> {
    if (until === "still") await this.#stillness();
    else await this.#wait(() => this.#holds(until));
    return this.#report;
  }

  #holds(until: Until): boolean {
    if (until === "requested") return this.#report.requests > 0;
    return until === "now" || this.#report.hasEnded;
  }

  async #wait(holds: () => boolean): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#watchers.delete(watcher);
        clearTimeout(patience);
        resolve();
      };
      const patience = setTimeout(done, PATIENCE_MS);
      const watcher = (): void => {
        if (holds()) done();
      };
      this.#watchers.add(watcher);
    });
  }

  async #stillness(): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#watchers.delete(watcher);
        resolve();
      };
      let calm = setTimeout(done, STILL_MS);
      const watcher = (): void => {
        clearTimeout(calm);
        calm = setTimeout(done, STILL_MS);
      };
      this.#watchers.add(watcher);
    });
  }
}
