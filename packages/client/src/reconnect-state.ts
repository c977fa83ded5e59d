/** What a stream that comes back is doing. */
export interface ReconnectState {
  /** `"waiting"` for the next attempt, `"closed"` for good. */
  readonly status: "connecting" | "open" | "waiting" | "closed";
  /** Attempts so far since a connection last stayed open for 10 s. */
  readonly attempt: number;
  /** Milliseconds from the last end to the next attempt; 0 unless it waits. */
  readonly delayMs: number;
}
