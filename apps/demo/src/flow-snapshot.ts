/** What a page tells of its viewer on the connection that it reads, as JSON text twice a second. */
export interface ViewerReport {
  /** Age of the picture that it shows, in whole milliseconds. */
  readonly ageMs: number;
}

/** One lane of a connection whose peer tells what it reads. */
export interface LaneView {
  readonly name: string;
  readonly state: string;
  readonly inFlightBytes: number;
  readonly windowBytes: number;
  /** From a question to its answer, reading included. */
  readonly rttMs: number | null;
}

/** One line of the flow panel and of `GET /api/connections`. */
export interface ConnectionView {
  readonly id: string;
  readonly route: string;
  /** What the page called itself with `?viewer=`. */
  readonly viewer: string | null;
  readonly state: string;
  /** Which quality of the video it watches; 0 is the least. */
  readonly layer: number | null;
  /** Age of the picture it shows by now, in milliseconds, if it has told one. */
  readonly ageMs: number | null;
  /** Milliseconds since it told that. */
  readonly silentForMs: number | null;
  readonly queuedBytes: number;
  readonly bufferedBytes: number;
  readonly inFlightBytes: number;
  readonly windowBytes: number | null;
  readonly acknowledgedBy: string | null;
  readonly lanes: readonly LaneView[];
  readonly rttMs: number | null;
  readonly sentMessages: number;
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly droppedMessages: number;
  readonly droppedBytes: number;
  readonly drops: Readonly<Record<string, { messages: number; bytes: number }>>;
  readonly stalledForMs: number;
  readonly connectedForMs: number;
}

/** One message of the flow panel's feed. */
export interface FlowSnapshot {
  /** Milliseconds since the Unix epoch. */
  readonly t: number;
  readonly connections: readonly ConnectionView[];
  /** Over the server's life, ended connections included. */
  readonly totals: {
    readonly connections: number;
    readonly accepted: number;
    readonly evicted: number;
    readonly sentMessages: number;
    readonly sentBytes: number;
    readonly droppedMessages: number;
    readonly droppedBytes: number;
  };
  readonly server: {
    readonly rssBytes: number;
    readonly heapUsedBytes: number;
    readonly externalBytes: number;
    readonly uptimeS: number;
  };
}
