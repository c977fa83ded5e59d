import type { Sample, StateChange } from "../states/protocol.ts";

/** How the page reads. */
export type Reader =
  /** Our client, which tells what was read. */
  | "credits"
  /** The same, over connections that follow each other: what is stale is dropped. */
  | "reconnecting"
  /** Our client without them: the browser's answers to pings are all that the server has. */
  | "pings"
  /** The `WebSocket` of the browser. */
  | "plain";

/** What a server sends. */
export type Feed = "film" | "numbers" | "readings";

/** The messages of a feed: so long, and so many a second. */
export interface FeedShape {
  readonly bytes: number;
  readonly perSecond: number;
}

export const FEEDS: Readonly<Record<Feed, FeedShape>> = {
  /** 100 Mbit/s. */
  film: { bytes: 50_000, perSecond: 250 },
  /** So much that whoever holds it grows by more than all growth that is let pass. */
  numbers: { bytes: 8_192, perSecond: 1_000 },
  readings: { bytes: 200, perSecond: 10 },
};

/** What is asked of the process of the server. */
export type ServerAsk =
  | { readonly kind: "serve"; readonly feed: Feed }
  /** How much memory it has in use, once garbage is gone. */
  | { readonly kind: "weigh" };

/** What it answers. */
export type ServerAnswers = {
  /** The port. */
  serve: number;
  /** Bytes. */
  weigh: ServerWeight;
};

/** Memory of the server, in bytes. */
export interface ServerWeight {
  readonly residentBytes: number;
  /** On its heap, and what hangs on it. */
  readonly liveBytes: number;
}

/** What it tells. */
export type ServerNotice =
  | { readonly kind: "state"; readonly change: StateChange }
  | { readonly kind: "sample"; readonly sample: CreditSample };

/** A look at the connection; `takenBytes` are of payload here. */
export interface CreditSample extends Sample {
  /** Sent, and not known to have been read, or to have arrived. */
  readonly inFlightBytes: number;
}

/** What the page is to read, and how. */
export interface PageJob {
  readonly url: string;
  readonly reader: Reader;
  /** From one message to the next; 0: as fast as they come. */
  readonly everyMs: number;
}

/** What the page has read, message by message, and whether its connection is over. */
export interface PageReport {
  /** When it was read, when it was made, and bytes so far. */
  readonly readings: readonly (readonly [atMs: number, madeAtMs: number, bytes: number])[];
  readonly lost?: { readonly atMs: number; readonly why: string } | undefined;
}
