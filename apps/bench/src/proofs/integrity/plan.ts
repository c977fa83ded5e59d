import { randomNumbers } from "../../random.ts";

/** One message of a run; all but its payload, which is as reproducible. */
export interface PlannedMessage {
  /** From 1. */
  readonly number: number;
  readonly type: "text" | "binary";
  readonly bytes: number;
  /** Whether it is a `frame()`, made before it is sent. */
  readonly isPrepared: boolean;
  /** Through a writer, or a pipe from a stream. */
  readonly route: "writer" | "pump";
}

/** The largest, about. */
const MAX_BYTES = 1_000_000;
/** Where the length of a header changes, one off on either side, and nothing at all. */
const EDGES = [0, 125, 126, 127, 65_535, 65_536];
const EDGE_SHARE = 0.1;
/** Messages that go the same way before the other has its turn. */
const MAX_RUN = 100;

/**
 * The messages of a run: any length of time, the same for the same seed.
 *
 * @param bytes - payload bytes of all of them, at least
 */
export function* planMessages(seed: number, bytes: number): Generator<PlannedMessage> {
  const random = randomNumbers(seed);
  let route: PlannedMessage["route"] = "pump";
  let left = 0;
  for (let number = 1, planned = 0; planned < bytes; number++) {
    if (left === 0) {
      route = route === "pump" ? "writer" : "pump";
      left = 1 + Math.floor(random() * MAX_RUN);
    }
    left--;
    const message: PlannedMessage = {
      number,
      type: random() < 0.5 ? "text" : "binary",
      bytes: randomSize(random),
      isPrepared: random() < 0.5,
      route,
    };
    planned += message.bytes;
    yield message;
  }
}

/** `message 12,345 (binary, 65,536 bytes, a frame, by the pump)`, for who looks for what went wrong. */
export function describeMessage(seed: number, number: number): string {
  const name = `message ${number.toLocaleString("en")}`;
  for (const message of planMessages(seed, Infinity)) {
    if (message.number < number) continue;
    const size = `${message.bytes.toLocaleString("en")} bytes`;
    const form = message.isPrepared ? "a frame" : "a plain chunk";
    return `${name} (${message.type}, ${size}, ${form}, by the ${message.route})`;
  }
  return name;
}

/** As many small ones as large ones of each magnitude. */
function randomSize(random: () => number): number {
  if (random() < EDGE_SHARE) return EDGES[Math.floor(random() * EDGES.length)] as number;
  return Math.floor((MAX_BYTES + 1) ** random()) - 1;
}
