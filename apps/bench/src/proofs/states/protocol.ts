import type { Acknowledger, ConnectionState } from "@spillway/websocket";

/** What a connection is given, by the path that is asked for: `unbounded` is a flood without a window. */
export type Load = "film" | "flood" | "unbounded";

/** What is asked of the process of the server. */
export type ServerAsk =
  | { readonly kind: "serve" }
  /** As much as is taken, for so long, to all who have asked for that. */
  | { readonly kind: "flood"; readonly ms: number };

/** What it answers. */
export type ServerAnswers = {
  /** The port. */
  serve: number;
  flood: Span;
};

/** On the clock of `now()`. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What it tells. */
export type ServerNotice =
  | { readonly kind: "state"; readonly load: Load; readonly change: StateChange }
  | { readonly kind: "sample"; readonly load: Load; readonly sample: Sample };

/** What `states()` has said, and when. */
export interface StateChange {
  readonly atMs: number;
  readonly state: ConnectionState;
}

/** A look at the connection. */
export interface Sample {
  readonly atMs: number;
  /** What the kernel has taken for the peer, in wire bytes. */
  readonly takenBytes: number;
  /** Without room to send, in all. */
  readonly backpressureMs: number;
  readonly windowBytes?: number | undefined;
  readonly acknowledgedBy?: Acknowledger | undefined;
}

/** What a viewer shows: the last picture of those that have come since it told last. */
export interface Showing {
  readonly atMs: number;
  /** When the picture was made. */
  readonly madeAtMs: number;
  /** Payload bytes it has got so far. */
  readonly bytes: number;
}
