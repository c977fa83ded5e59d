import type { Memory, Usage } from "../server.ts";

/** What Bun is to serve. */
export interface BunJob {
  /** What a run does; `publish` is to all clients, `idle` is nothing. */
  readonly mode: "cork" | "drain" | "idle" | "publish" | "send";
  /** Payload bytes of a message, or of a piece. */
  readonly messageBytes: number;
  /** `publish`: messages of one turn. */
  readonly burst?: number | undefined;
}

/** What is asked of the process of Bun. */
export type BunAsk =
  | { readonly kind: "serve"; readonly job: BunJob }
  | { readonly kind: "run"; readonly count: number }
  | { readonly kind: "start"; readonly sampleMs: number }
  | { readonly kind: "stop" }
  | { readonly kind: "memory" };

/** What it answers. */
export type BunAnswers = {
  /** The port. */
  serve: number;
  run: undefined;
  start: undefined;
  stop: Usage;
  memory: Memory;
};
