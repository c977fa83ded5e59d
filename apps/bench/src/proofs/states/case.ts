import type { Acknowledger } from "@spillway/websocket";
import type { Runtime } from "../../runtimes.ts";
import type { StartViewer } from "./viewers.ts";

/** A viewer that is to be looked at. */
export interface Case {
  readonly variant: string;
  readonly start: StartViewer;
  readonly acknowledgedBy: Acknowledger;
  readonly isQuick: boolean;
  /** That of the server. */
  readonly runtime: Runtime;
  readonly onProgress: (what: string) => void;
}
