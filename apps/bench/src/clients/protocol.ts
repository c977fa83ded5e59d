/** Who the clients are. */
export interface Crowd {
  readonly port: number;
  readonly clients: number;
  /** What the server speaks. */
  readonly speaks?: "socket.io" | "spillway.v1" | "websocket" | undefined;
  /** Payload bytes of what counts as a message: a server's own protocol is passed over. */
  readonly messageBytes?: number | undefined;
  /** What is counted for each client. */
  readonly counts: "bytes" | "messages";
  /** Ask for permessage-deflate, count what came compressed, and see what it inflates to. */
  readonly inflatesTo?: string | undefined;
  /** Messages carry the time they were sent at (`stamp()`), after so many bytes. */
  readonly stampAt?: number | undefined;
  /** Milliseconds without a byte after which what is missing counts as lost. */
  readonly stallMs?: number | undefined;
}

/** What is asked of the process of the clients. */
export type CrowdAsk =
  | { readonly kind: "connect"; readonly crowd: Crowd; readonly clients: number }
  /** Each client that is not frozen is to get `count` from now on. */
  | { readonly kind: "expect"; readonly count: number }
  /** Answered when all of it has arrived; fails when it does not, or more does. */
  | { readonly kind: "arrival" }
  /** Tells the count of the client that has the least, whenever it has grown by `step`. */
  | { readonly kind: "report"; readonly step: number }
  /** The first `clients` stop reading. */
  | { readonly kind: "freeze"; readonly clients: number }
  /** One message at a time to an echo, for so long. */
  | { readonly kind: "echo"; readonly bytes: number; readonly ms: number }
  | { readonly kind: "close" };

/** What it answers. */
export type CrowdAnswers = {
  connect: undefined;
  expect: undefined;
  arrival: Arrival;
  report: undefined;
  freeze: undefined;
  echo: { readonly roundTrips: number; readonly p50: number };
  close: undefined;
};

/** What has arrived. */
export interface Arrival {
  /** Of the messages with a stamp, in seconds; 0 without. */
  readonly p50: number;
  readonly p99: number;
}

/** Bytes of a {@link stamp}. */
export const STAMP_BYTES = 16;

/** Now, in microseconds, of one clock for all processes: ASCII, for it has to fit into JSON too. */
export function stamp(): string {
  return Math.round(now() * 1000)
    .toString()
    .padStart(STAMP_BYTES, "0");
}

/** Milliseconds; `performance.now()` alone begins with the process. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
