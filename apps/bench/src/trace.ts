import type { ConnectionStats } from "@spillway/websocket";

/** What a sender knows of a stream, where it is ours. */
type Known = Pick<
  ConnectionStats,
  "baseRttMs" | "congestion" | "deliveryRate" | "inFlightBytes" | "rttMs" | "state" | "windowBytes"
>;

/** One line of a trace: a stream at one moment, as its sender and its viewer see it. */
export interface TraceSample extends Partial<Known> {
  readonly workload: string;
  readonly variant: string;
  readonly runtime: string;
  readonly params: Readonly<Record<string, string | number>>;
  /** Which repetition, and which stream of it: from 1. */
  readonly rep: number;
  readonly stream: number;
  readonly atMs: number;
  /** Of what came since the sample before, the oldest; absent when nothing came. */
  readonly ageMs?: number | undefined;
  readonly bytesPerSecond: number;
}

/** What a trace takes of an account. */
export function knownOf(stats: ConnectionStats): Known {
  const { windowBytes, inFlightBytes, rttMs, baseRttMs, deliveryRate, state, congestion } = stats;
  return { windowBytes, inFlightBytes, rttMs, baseRttMs, deliveryRate, state, congestion };
}
