import type { Checkpoint } from "./checkpoint.ts";

/** How permessage-deflate is agreed on; `"shared"`: so that a frame compressed once is right for all. */
export type Deflate = "off" | "on" | "shared";

/** What is to be sent. */
export interface SendJob {
  readonly seed: number;
  /** Payload bytes, at least. */
  readonly bytes: number;
  readonly deflate: Deflate;
}

/** What is asked of the process of the sender. */
export type SenderAsk =
  | { readonly kind: "serve"; readonly job: SendJob }
  /** Answered when the one client that comes has got all and said goodbye. */
  | { readonly kind: "send" };

/** What it answers. */
export type SenderAnswers = {
  /** The port. */
  serve: number;
  send: undefined;
};

/** What it tells. */
export type SenderNotice =
  | { readonly kind: "checkpoint"; readonly checkpoint: Checkpoint }
  | { readonly kind: "sample"; readonly sample: Sample };

/** A look at the sender. */
export interface Sample {
  /** Since it began to send. */
  readonly seconds: number;
  /** Payload bytes so far. */
  readonly bytes: number;
  /** Garbage collected. */
  readonly heapBytes: number;
  readonly rssBytes: number;
}

/** Where to receive from, and how fast. */
export interface ReceiverJob {
  readonly port: number;
  readonly deflate: boolean;
  /** Of its pauses. */
  readonly seed: number;
}

/** What is asked of a receiver in a process of ours; what it tells are checkpoints. */
export interface ReceiverAsk {
  readonly kind: "receive";
  readonly job: ReceiverJob;
}

/** Answered when the server has said goodbye. */
export type ReceiverAnswers = { receive: undefined };
