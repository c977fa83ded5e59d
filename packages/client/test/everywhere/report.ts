import type { Credit } from "@spillway/streams/protocol";

/** What the server has seen of a connection. */
export interface Report {
  readonly received: number;
  readonly peak: Credit;
  readonly given: Credit;
  /** Messages sent on lanes 0, 1 and 2. */
  readonly sent: readonly number[];
}
