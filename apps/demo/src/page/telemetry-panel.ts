import { Chart } from "./charts.js";
import { Feed } from "./feed.js";

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
export function startTelemetry(url: string): void {
  const parent = document.querySelector("#charts") as HTMLElement;
  const charts = CHARTS.map(({ title, sensors }) => {
    const place = parent.appendChild(document.createElement("div"));
    place.className = "chart";
    const names = Object.keys(sensors);
    const lines = names.map((label) => ({ label, color: sensors[label] ?? "#fff" }));
    return { names, chart: new Chart(place, title, lines) };
  });
  const newest = new Map<string, number>();
  let readings = 0;
  let received = 0;
  let first: number | undefined;
  let last = 0;

  const feed = new Feed(url, {
    message: (data) => {
      const reading = JSON.parse(data as string) as Reading;
      // A newer value takes the place in line of the one it replaces, so numbers may go back.
      first ??= reading.seq;
      last = Math.max(last, reading.seq);
      received++;
      readings++;
      newest.set(reading.sensor, reading.value * (SCALES[reading.unit] ?? 1));
    },
    connected: () => {},
  });
  feed.start();

  setInterval(() => {
    if (newest.size === 0) return;
    for (const { names, chart } of charts) {
      chart.add(
        Date.now() / 1_000,
        names.map((name) => newest.get(name)),
      );
    }
  }, ROW_EVERY_MS);
  setInterval(() => {
    (document.querySelector("#readings") as HTMLElement).textContent = String(readings);
    (document.querySelector("#missed") as HTMLElement).textContent = String(
      last - (first ?? last + 1) + 1 - received,
    );
    readings = 0;
  }, 1_000);
}
