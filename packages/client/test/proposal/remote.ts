import type { Report, Until } from "./report.ts";

/** The server as one case sees it: its routes, what it saw, and orders to it. */
export class Remote {
  readonly #id = crypto.randomUUID();
  readonly #url: string;

  /** @param url - `ws://host:port` */
  constructor(url: string) {
    this.#url = url;
  }

  /** The URL of a route; everything that connects to it is in the same report. */
  at(route: string, query: Readonly<Record<string, string>> = {}): string {
    return `${this.#url}/${route}?${new URLSearchParams({ ...query, id: this.#id })}`;
  }

  async report(until: Until = "now"): Promise<Report> {
    const response = await fetch(`${this.#http}/report/${this.#id}?until=${until}`);
    return (await response.json()) as Report;
  }

  /** Gives the connection an order that its route takes. */
  async tell(order: string): Promise<void> {
    const response = await fetch(`${this.#http}/tell/${this.#id}/${order}`, { method: "POST" });
    if (!response.ok) throw new Error(`Cannot tell server to ${order}: ${response.status}`);
  }

  /** Gives what is under way the time of several round trips. */
  async roundTrips(): Promise<void> {
    for (let trip = 0; trip < 10; trip++) await this.report();
  }

  get #http(): string {
    return this.#url.replace("ws:", "http:");
  }
}
