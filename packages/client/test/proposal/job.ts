/** What another process or thread is to run the cases with. */
export interface Job {
  readonly url: string;
  readonly credits: "auto" | "off";
  /** Where `ws` is, for a runtime without a `WebSocket`. */
  readonly moduleOfWs?: string;
}
