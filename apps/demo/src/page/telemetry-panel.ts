import { Chart } from "./charts.js";

interface Reading {
  readonly seq: number;
  readonly sensor: string;
  readonly unit: string;
  readonly value: number;
}

const CHARTS: readonly { readonly title: string; readonly sensors: Record<string, string> }[] = [
  {
    title: "Processor, %",
    sensors: {
      "process.cpu.user": "#41c98a",
      "process.cpu.system": "#e5b344",
      "host.cpu.busy": "#5fa8ff",
    },
  },
  {
    title: "Memory of the server, MiB",
    sensors: { "memory.rss": "#5fa8ff", "memory.heap": "#41c98a", "memory.external": "#e5b344" },
  },
  {
    title: "Delay of the event loop, ms",
    sensors: { "eventloop.delay.p50": "#41c98a", "eventloop.delay.p99": "#ef6a6a" },
  },
  {
    title: "Network of the host, KiB/s",
    sensors: { "host.net.received": "#b48cff", "host.net.sent": "#5fa8ff" },
  },
];

/** What a chart shows of a unit. */
const SCALES: Readonly<Record<string, number>> = { B: 1 / (1 << 20), "B/s": 1 / 1_024 };

const ROW_EVERY_MS = 250;

/** Draws the newest value of every sensor four times a second. */
export class TelemetryPanel {
  readonly #newest = new Map<string, number>();
  readonly #charts: readonly { readonly names: readonly string[]; readonly chart: Chart }[];
  /** In this second, and in all. */
  #readings = 0;
  #received = 0;
  #first: number | undefined;
  #last = 0;

  constructor() {
    const parent = document.querySelector("#charts") as HTMLElement;
    this.#charts = CHARTS.map(({ title, sensors }) => {
      const place = parent.appendChild(document.createElement("div"));
      place.className = "chart";
      const names = Object.keys(sensors);
      const lines = names.map((label) => ({ label, color: sensors[label] ?? "#fff" }));
      return { names, chart: new Chart(place, title, lines) };
    });
    setInterval(() => this.#draw(), ROW_EVERY_MS);
    setInterval(() => this.#count(), 1_000);
  }

  /** Takes a reading as it is sent. */
  take(message: string): void {
    const { seq, sensor, unit, value } = JSON.parse(message) as Reading;
    // A newer value takes the place in line of the one it replaces, so numbers may go back.
    this.#first ??= seq;
    this.#last = Math.max(this.#last, seq);
    this.#received++;
    this.#readings++;
    this.#newest.set(sensor, value * (SCALES[unit] ?? 1));
  }

  #draw(): void {
    if (this.#newest.size === 0) return;
    for (const { names, chart } of this.#charts) {
      chart.add(
        Date.now() / 1_000,
        names.map((name) => this.#newest.get(name)),
      );
    }
  }

  #count(): void {
    (document.querySelector("#readings") as HTMLElement).textContent = String(this.#readings);
    (document.querySelector("#missed") as HTMLElement).textContent = String(
      this.#last - (this.#first ?? this.#last + 1) + 1 - this.#received,
    );
    this.#readings = 0;
  }
}
