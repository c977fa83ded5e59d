import type { PathShape } from "./shaped-path.ts";

/** Looks at the streams of a server for a while, over a path. */
export interface ViewAsk {
  readonly kind: "view";
  readonly port: number;
  readonly ms: number;
  /** How many, each on a connection of its own. @defaultValue `1` */
  readonly streams?: number | undefined;
  /** What each reads at most, in bytes a second; as fast as it comes otherwise. */
  readonly reads?: number | undefined;
  /** Whether the application tells the server what it has read; otherwise its kernel and its pongs do. */
  readonly credits?: boolean | undefined;
  readonly path?: PathShape | undefined;
  readonly midway?: Midway | undefined;
  /** Tells a {@link Glance} so often, in milliseconds; never otherwise. */
  readonly glanceEveryMs?: number | undefined;
}

/** What happens to the path when half of the time is over. */
export interface Midway {
  /** Nothing moves for such a share of the time, neither way. */
  readonly stops?: number | undefined;
  /** The round trip from then on. */
  readonly rttMs?: number | undefined;
}

/** What came. */
export interface View {
  /** Of each stream, and of the payloads of whole messages. */
  readonly bytesPerSecond: readonly number[];
  /** Seconds from the stamp of a message until the last byte of it was read. */
  readonly p50: number;
  readonly p99: number;
  /** How long the path had been back when something came that was so young; without a stop nothing. */
  readonly recovery?: Recovered | undefined;
}

/** In seconds. */
export interface Recovered {
  readonly belowOneSecond: number;
  /** Than half of what came before the path stopped. */
  readonly belowTwiceBefore: number;
}

/** What came of every stream of late. */
export interface Glance {
  /** Since the view began. */
  readonly atMs: number;
  /** Since the last glance. */
  readonly elapsedMs: number;
  readonly streams: readonly Glimpse[];
}

/** What came of one. */
export interface Glimpse {
  readonly bytes: number;
  /** Of the oldest; `undefined` when nothing came. */
  readonly ageMs: number | undefined;
}

export type ViewAnswers = { view: View };
