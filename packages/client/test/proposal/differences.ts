/** Where the cases run: in Chromium on its own `WebSocketStream`, or on ours over some `WebSocket`. */
export type Where = "native" | "chromium" | "node-ws" | "node" | "deno" | "bun";

/** Cases that fail somewhere, and why that is as it should be. */
export interface Difference {
  readonly where: readonly Where[];
  /** What the names of the cases begin with. */
  readonly cases: readonly string[];
  readonly why: string;
  /** Whether it is not even tried, as it crashes or hangs. */
  readonly isFatal?: boolean;
}

/**
 * Everything that is known to fail. On ours a case that is listed must fail, so that the list stays true; the
 * platform's own may have been mended since.
 */
export const differences: readonly Difference[] = [
  {
    where: ["native"],
    cases: [
      "signal: aborted before with a reason",
      "signal: aborted during the handshake with a reason",
      "signal: a time limit",
    ],
    why: "Chromium 156 rejects with an AbortError of its own; the proposal, with the signal's reason",
  },
  {
    where: ["native"],
    cases: ["signal: aborted before, the URL is checked and kept"],
    why: "Chromium 156 looks at the signal before it looks at the URL",
  },
  {
    where: ["native"],
    cases: ["readable: binary comes as a Uint8Array"],
    why: "Chromium 156 gives an ArrayBuffer; the Uint8Array is behind a flag",
  },
  {
    where: ["native"],
    cases: ["WebSocketError: is no unsigned short", "close(): refuses what is no close info"],
    why: "Chromium 156 takes a close code modulo 65,536; the proposal says [EnforceRange]",
  },
  {
    where: ["native"],
    cases: ["readable: everything that came before the Close frame"],
    why: "Chromium 156 closes the readable when the Close frame comes and loses what was held back before it",
  },
  {
    where: ["native"],
    cases: [
      "remote end: a write that waits rejects",
      "abort(): settles when the connection is lost under a write that waits",
    ],
    why: "Chromium 156 crashes the page when a connection is lost under a write that waits",
    isFatal: true,
  },
  {
    where: ["native"],
    cases: ["cancel(): the socket closes though the server has much to say still"],
    why: "Chromium 156 reads nothing more after cancel(), and so never comes to the Close frame",
    isFatal: true,
  },
  {
    where: ["chromium", "node-ws", "node", "deno", "bun"],
    cases: ["backpressure: the server cannot send on while nobody reads"],
    why: "a WebSocket takes what comes; without credits ours can bound only what waits, by its option overflow",
  },
  {
    where: ["node", "deno", "bun"],
    cases: ["constructor: protocols that differ in case are two"],
    why: "their WebSocket compares protocols without regard to case",
  },
  {
    where: ["node"],
    cases: ["readable: text comes as strings, as it was sent"],
    why: "the WebSocket of Node 26 drops a byte order mark at the beginning of a text",
  },
  {
    where: ["node"],
    cases: ["remote close: is not clean when something could not be sent"],
    why: "the WebSocket of Node 26 calls such a close clean, with a bufferedAmount of 0",
  },
  {
    where: ["deno"],
    cases: ["remote close: is not clean when something could not be sent"],
    why: "the WebSocket of Deno 2.9 fails instead and forgets the close code",
  },
  {
    where: ["deno"],
    cases: [
      "abort(): settles when the connection is lost under a write that waits",
      "closed: rejects when the server goes instead of answering a close",
      "writer.close(): rejects when the server goes instead of answering",
    ],
    why: "the WebSocket of Deno 2.9 takes the end of the TCP connection for an empty Close frame",
  },
  {
    where: ["deno"],
    cases: ["opened: tells the extension that both sides know"],
    why: "the WebSocket of Deno 2.9 knows no extension",
  },
];

/** What is known of a case in one place. */
export function differenceOf(where: Where, name: string): Difference | undefined {
  return differences.find(
    (each) => each.where.includes(where) && each.cases.some((begin) => name.startsWith(begin)),
  );
}
