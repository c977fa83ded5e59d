import { existsSync, readFileSync } from "node:fs";
import { cpus, freemem, loadavg } from "node:os";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";

/** One thing measured on this process or its host. */
export interface Sensor {
  readonly name: string;
  readonly unit: "%" | "B" | "B/s" | "ms" | "1" | "1/s";
  /** Measures now; sensors of rates and shares look back over about a second. */
  readonly measure: () => number;
}

/** The sensors, and what stops the measuring that runs in the background. */
export interface Sensors {
  readonly all: readonly Sensor[];
  close(): void;
}

const LOOK_BACK_MS = 1_000;
/** How often the event loop is probed; what is measured includes it. */
const PROBE_MS = 10;

/** Opens every sensor that this host has; those that read `/proc` are missing where there is none. */
export function openSensors(): Sensors {
  const delay = monitorEventLoopDelay({ resolution: PROBE_MS });
  delay.enable();
  let countedSince = performance.now();
  const delayMs = (percentile: number): number => {
    const probedMs = delay.percentile(percentile) / 1e6;
    const now = performance.now();
    if (now - countedSince > LOOK_BACK_MS && percentile === 99) {
      delay.reset();
      countedSince = now;
    }
    return Math.max(0, probedMs - PROBE_MS);
  };
  const all: Sensor[] = [
    percent(
      "process.cpu.user",
      rate(() => process.cpuUsage().user / 1e6),
    ),
    percent(
      "process.cpu.system",
      rate(() => process.cpuUsage().system / 1e6),
    ),
    percent("host.cpu.busy", ratio(hostCpu)),
    percent("eventloop.busy", ratio(eventLoop)),
    { name: "eventloop.delay.p50", unit: "ms", measure: () => delayMs(50) },
    { name: "eventloop.delay.p99", unit: "ms", measure: () => delayMs(99) },
    { name: "memory.rss", unit: "B", measure: () => process.memoryUsage.rss() },
    { name: "memory.heap", unit: "B", measure: () => process.memoryUsage().heapUsed },
    { name: "memory.external", unit: "B", measure: () => process.memoryUsage().external },
    { name: "host.memory.free", unit: "B", measure: freemem },
    { name: "host.load.1m", unit: "1", measure: () => loadavg()[0] ?? 0 },
    {
      name: "process.resources",
      unit: "1",
      measure: () => process.getActiveResourcesInfo().length,
    },
    { name: "process.switches", unit: "1/s", measure: rate(contextSwitches) },
    ...networkSensors(),
  ];
  return { all, close: () => void delay.disable() };
}

function networkSensors(): Sensor[] {
  if (!existsSync("/proc/net/dev") || !existsSync("/proc/self/io")) return [];
  return [
    { name: "host.net.received", unit: "B/s", measure: rate(() => networkBytes(0)) },
    { name: "host.net.sent", unit: "B/s", measure: rate(() => networkBytes(8)) },
    { name: "process.io.written", unit: "B/s", measure: rate(writtenBytes) },
  ];
}

function percent(name: string, share: () => number): Sensor {
  return { name, unit: "%", measure: () => share() * 100 };
}

/** Growth of a counter per second. */
function rate(counter: () => number): () => number {
  return ratio(() => [counter(), performance.now() / 1000]);
}

/** Growth of one counter by growth of another, over the last second. */
function ratio(counters: () => readonly [number, number]): () => number {
  const past: { at: number; part: number; whole: number }[] = [];
  return () => {
    const at = performance.now();
    const [part, whole] = counters();
    while (past.length > 1 && at - (past[0]?.at ?? at) > LOOK_BACK_MS) past.shift();
    past.push({ at, part, whole });
    const first = past[0];
    return first && whole > first.whole ? (part - first.part) / (whole - first.whole) : 0;
  };
}

function hostCpu(): [number, number] {
  let busy = 0;
  let all = 0;
  for (const { times } of cpus()) {
    const active = times.user + times.nice + times.sys + times.irq;
    busy += active;
    all += active + times.idle;
  }
  return [busy, all];
}

function eventLoop(): [number, number] {
  const { active, idle } = performance.eventLoopUtilization();
  return [active, active + idle];
}

function contextSwitches(): number {
  const usage = process.resourceUsage();
  return usage.voluntaryContextSwitches + usage.involuntaryContextSwitches;
}

/** Adds up one column of all interfaces, the loopback included: local viewers use that one. */
function networkBytes(column: number): number {
  const [, , ...lines] = readFileSync("/proc/net/dev", "utf8").trimEnd().split("\n");
  return lines.reduce((sum, line) => {
    const columns = line
      .slice(line.indexOf(":") + 1)
      .trim()
      .split(/\s+/u);
    return sum + Number(columns[column]);
  }, 0);
}

/** Everything this process wrote to files, pipes and sockets. */
function writtenBytes(): number {
  return Number(/^wchar: (\d+)/mu.exec(readFileSync("/proc/self/io", "utf8"))?.[1] ?? 0);
}
