/** What is asked of the process of the server. */
export type SoakAsk =
  | { readonly kind: "serve" }
  /** One message to all, every so often; answered when the last is published. */
  | { readonly kind: "publish"; readonly messages: number; readonly everyMs: number };

/** What it answers. */
export type SoakAnswers = {
  /** The port. */
  serve: number;
  publish: undefined;
};

/** What it tells every second. */
export interface SoakSample {
  readonly rssBytes: number;
  readonly connections: number;
  /** Those of which the state is `"frozen"`. */
  readonly frozen: number;
  /** Queued and buffered, of the connection that holds the most. */
  readonly heldBytes: number;
}
