import type { Server } from "../servers/server.ts";
import { Subprocess } from "../subprocess.ts";
import type { View, ViewAnswers, ViewAsk } from "../viewers/protocol.ts";
import type { Contender, Effort, Trial, Workload } from "../workload.ts";

/** What is sent to whoever connects. */
type Load = "film" | "flood";
type Serve = (load: Load) => Promise<Server>;

/** Loaded when asked for: a peer that is not installed leaves the others alone. */
const senders: Readonly<Record<string, Serve>> = {
  ws: async (load) => (await import("./freshness/ws.ts")).ws(load, false),
  "ws-drop": async (load) => (await import("./freshness/ws.ts")).ws(load, true),
  "fixed-64k": async (load) => (await import("./freshness/ours.ts")).spillwayPump(load, 65_536),
  "fixed-256k": async (load) => (await import("./freshness/ours.ts")).spillwayPump(load, 262_144),
  "spillway-pump": async (load) => (await import("./freshness/ours.ts")).spillwayPump(load, "auto"),
};

const variants = Object.keys(senders);
const long = { bytesPerSecond: 6_250_000, rttMs: 40 };

/** What is sent, and over what. */
const paths: Readonly<Record<string, Partial<ViewAsk> & { readonly load: Load }>> = {
  /** A viewer that reads 1 Mbit/s of 4. */
  slow: { load: "film", reads: 125_000 },
  /** 40 ms and 50 Mbit/s, and a sender that has always more. */
  long: { load: "flood", path: long },
  /** The same path, with room to spare. */
  live: { load: "film", path: long },
  loopback: { load: "flood" },
};

/** A run is so many times as long as a repetition elsewhere: the ages of what waits grow with it. */
const LENGTH = 60;
const SHORT_LENGTH = 6;
const FULL_REP_MS = 500;

/** How old what arrives is, and how much of it arrives. */
export const freshness: Workload = {
  name: "freshness",
  title:
    "age and MB/s: 4 Mbit/s of video to a slow viewer, and as much as there is room for to others",
  baseline: "ws",
  blocks: Object.entries(paths).map(([path, { load }]) => ({
    params: { path },
    // Who drops by what waits here and who waits for it do the same when there is always more.
    variants: load === "film" ? variants : variants.filter((variant) => variant !== "ws-drop"),
  })),
  async prepare({ variant, params, effort }: Contender): Promise<Trial> {
    const serve = senders[variant];
    const path = paths[String(params["path"])];
    if (!serve || !path) throw new Error(`Cannot find variant "${variant}"`);
    const { load, ...how } = path;
    const { port } = await serve(load);
    const ms = durationMs(effort);
    const deadlineMs = 2 * ms + 30_000;
    const viewer = new Subprocess<ViewAsk, ViewAnswers>("../viewers/main", import.meta.url, {
      deadlineMs,
    });
    const view = async (forMs: number): Promise<View> =>
      viewer.ask({ kind: "view", port, ms: forMs, ...how });
    await view(Math.min(ms, effort.warmUpMs));
    return {
      async repeat() {
        const { bytesPerSecond, p50, p99 } = await view(ms);
        return [
          { unit: "s", value: p50, params: { quantile: 0.5 } },
          { unit: "s", value: p99, params: { quantile: 0.99 } },
          { unit: "MB/s", value: bytesPerSecond / 1e6 },
        ];
      },
    };
  },
};

function durationMs({ repMs }: Effort): number {
  return repMs * (repMs < FULL_REP_MS ? SHORT_LENGTH : LENGTH);
}
