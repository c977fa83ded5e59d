import { Chart } from "./charts.js";
import { Feed } from "./feed.js";

interface Reading {
  readonly seq: number;
  readonly sensor: string;
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
    sensors: {
      "process.rss": "#5fa8ff",
      "process.heap": "#41c98a",
      "process.external": "#e5b344",
    },
  },
  {
    title: "Event loop: delay in ms, use in %",
    sensors: { "loop.delay.p99": "#ef6a6a", "loop.utilization": "#41c98a" },
  },
  { title: "Loopback, KiB/s", sensors: { "host.loopback": "#b48cff" } },
];

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
  let missed = 0;
  let expected: number | undefined;

  new Feed(url, {
    message: (data) => {
      const reading = JSON.parse(data as string) as Reading;
      missed += Math.max(0, reading.seq - (expected ?? reading.seq));
      expected = reading.seq + 1;
      readings++;
      newest.set(reading.sensor, reading.value);
    },
    connected: () => {
      expected = undefined;
    },
  });

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
    (document.querySelector("#missed") as HTMLElement).textContent = String(missed);
    readings = 0;
  }, 1_000);
}
