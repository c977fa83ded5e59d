import { Subprocess } from "../subprocess.ts";
import type { Glance, View, ViewAnswers, ViewAsk } from "../viewers/protocol.ts";
import type { Contender, Effort, Measurement, Trial, Workload } from "../workload.ts";
import { paths } from "./freshness/paths.ts";
import type { Load, Sender } from "./freshness/sender.ts";
import { tracer } from "./freshness/tracer.ts";

type Serve = (load: Load) => Promise<Sender>;

/** To viewers that say what they have read. */
const CREDITS = "spillway-credits";

/** Loaded when asked for: a peer that is not installed leaves the others alone. */
const senders: Readonly<Record<string, Serve>> = {
  ws: async (load) => (await import("./freshness/ws.ts")).ws(load, false),
  "ws-drop": async (load) => (await import("./freshness/ws.ts")).ws(load, true),
  "fixed-64k": async (load) => (await import("./freshness/ours.ts")).spillwayPump(load, 65_536),
  "fixed-256k": async (load) => (await import("./freshness/ours.ts")).spillwayPump(load, 262_144),
  "spillway-pump": async (load) => (await import("./freshness/ours.ts")).spillwayPump(load, "auto"),
  [CREDITS]: async (load) => (await import("./freshness/ours.ts")).spillwayPump(load, "auto"),
};

const variants = Object.keys(senders);

/** A run is so many times as long as a repetition elsewhere: the ages of what waits grow with it. */
const LENGTH = 60;
const SHORT_LENGTH = 6;
const FULL_REP_MS = 500;
const TRACE_EVERY_MS = 100;

/** How old what arrives is, and how much of it arrives. */
export const freshness: Workload = {
  name: "freshness",
  title:
    "age and MB/s: 4 Mbit/s of video to a slow viewer, and as much as there is room for to others",
  baseline: "ws",
  canTrace: true,
  blocks: Object.entries(paths).map(([path, { load }]) => ({
    params: { path },
    // Who drops by what waits here and who waits for it do the same when there is always more.
    variants: load === "film" ? variants : variants.filter((variant) => variant !== "ws-drop"),
  })),
  async prepare(contender: Contender): Promise<Trial> {
    const { variant, params, effort, trace } = contender;
    const serve = senders[variant];
    const path = paths[String(params["path"])];
    if (!serve || !path) throw new Error(`Cannot find variant "${variant}"`);
    const { load, ...how } = path;
    const sender = await serve(load);
    const write = trace === undefined ? undefined : tracer(trace, contender, sender);
    let rep = 0;
    const ms = durationMs(effort);
    const viewer = new Subprocess<ViewAsk, ViewAnswers>("../viewers/main", import.meta.url, {
      deadlineMs: 2 * ms + 30_000,
      onNotice: write && ((glance) => write(glance as Glance, rep)),
    });
    const credits = variant === CREDITS;
    const ask = { kind: "view", port: sender.port, credits, ...how } as const;
    await viewer.ask({ ...ask, ms: Math.min(ms, effort.warmUpMs) });
    return {
      async repeat() {
        rep++;
        const glanceEveryMs = write && TRACE_EVERY_MS;
        return measurements(await viewer.ask({ ...ask, ms, glanceEveryMs }));
      },
    };
  },
};

function measurements({ bytesPerSecond, p50, p99, recovery }: View): Measurement[] {
  const sum = bytesPerSecond.reduce((all, one) => all + one, 0);
  const figures: Measurement[] = [
    { unit: "s", value: p50, params: { quantile: 0.5 } },
    { unit: "s", value: p99, params: { quantile: 0.99 } },
    { unit: "MB/s", value: sum / 1e6 },
  ];
  if (bytesPerSecond.length > 1) {
    const value = Math.min(...bytesPerSecond) / Math.max(...bytesPerSecond);
    figures.push({ unit: "fairness", value });
  }
  if (recovery) {
    const { belowOneSecond, belowTwiceBefore } = recovery;
    figures.push(
      { unit: "s", value: belowOneSecond, params: { recovery: "below 1 s" } },
      { unit: "s", value: belowTwiceBefore, params: { recovery: "below twice the age before" } },
    );
  }
  return figures;
}

function durationMs({ repMs }: Effort): number {
  return repMs * (repMs < FULL_REP_MS ? SHORT_LENGTH : LENGTH);
}
