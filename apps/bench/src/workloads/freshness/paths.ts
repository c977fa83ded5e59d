import type { ViewAsk } from "../../viewers/protocol.ts";
import type { Load } from "./sender.ts";

/** What is sent, and how it is seen. */
type Path = Pick<ViewAsk, "midway" | "path" | "reads" | "streams"> & { readonly load: Load };

const long = { bytesPerSecond: 6_250_000, rttMs: 40 };

export const paths: Readonly<Record<string, Path>> = {
  /** A viewer that reads 1 Mbit/s of 4. */
  slow: { load: "film", reads: 125_000 },
  /** 40 ms and 50 Mbit/s, and a sender that has always more. */
  long: { load: "flood", path: long },
  /** The same path, with room to spare. */
  live: { load: "film", path: long },
  /** It becomes eight times as long. */
  changing: { load: "flood", path: { ...long, rttMs: 10 }, midway: { rttMs: 80 } },
  /** For 3 s of 30 nothing moves. */
  stalling: { load: "film", path: long, midway: { stops: 0.1 } },
  jitter: { load: "flood", path: { ...long, jitterMs: 20 } },
  /** Two that want all of it. */
  shared: { load: "flood", path: long, streams: 2 },
  loopback: { load: "flood" },
};
