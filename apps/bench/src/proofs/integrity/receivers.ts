import type { Checkpoint } from "./checkpoint.ts";
import type { ReceiverJob } from "./protocol.ts";

/** A client of the sender, in a process of its own. */
export interface Receiver {
  /** `ws 8.23.0`, as it says itself. */
  readonly name: string;
  /** Resolves when the server has said goodbye and all checkpoints are told. */
  readonly received: Promise<void>;
  /** Ends its process. */
  close(): Promise<void>;
}

/** Starts one. @throws `MissingPeer` */
export type StartReceiver = (
  job: ReceiverJob,
  onCheckpoint: (checkpoint: Checkpoint) => void,
) => Promise<Receiver>;

/** Loaded when asked for: one that is not installed leaves the others alone. */
export const receivers: Readonly<Record<string, StartReceiver>> = {
  node: async (...how) => (await import("./receivers/forked.ts")).startNode(...how),
  bun: async (...how) => (await import("./receivers/forked.ts")).startBun(...how),
  python: async (...how) => (await import("./receivers/python.ts")).startPython(...how),
  chromium: async (...how) => (await import("./receivers/chromium.ts")).startChromium(...how),
};
