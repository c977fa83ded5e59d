import type { PathShape } from "./shaped-path.ts";

/** Looks at a stream for a while, over a path. */
export interface ViewAsk {
  readonly kind: "view";
  readonly port: number;
  readonly ms: number;
  /** What it reads at most, in bytes a second; as fast as it comes otherwise. */
  readonly reads?: number | undefined;
  readonly path?: PathShape | undefined;
}

/** What came. */
export interface View {
  /** Of the payloads of whole messages. */
  readonly bytesPerSecond: number;
  /** Seconds from the stamp of a message until the last byte of it was read. */
  readonly p50: number;
  readonly p99: number;
}

export type ViewAnswers = { view: View };
