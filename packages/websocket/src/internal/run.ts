import { Frame } from "../frame.ts";
import { MAX_COPY } from "./batch.ts";

/** By what a peer has agreed to compress with, if with anything; undefined where they cannot be one piece. */
type Encoded = Map<number | undefined, Uint8Array | undefined>;

/** What was encoded in this turn: all connections of a hub are given the same. */
const runs = new Map<readonly unknown[], Encoded>();

/**
 * Encodes messages side by side, once for all connections that are given the same array.
 *
 * @returns `undefined` unless all are small frames, and nobody wants their buffers back
 */
export function encodedRun(
  chunks: readonly unknown[],
  windowBits: number | undefined,
): Uint8Array | undefined {
  if (!(chunks[0] instanceof Frame)) return undefined;
  let run = runs.get(chunks);
  if (!run) {
    // Forgotten with the turn: it would keep memory of nobody's.
    if (runs.size === 0) setImmediate(forget);
    run = new Map();
    runs.set(chunks, run);
  }
  if (!run.has(windowBits)) run.set(windowBits, encode(chunks, windowBits));
  return run.get(windowBits);
}

function encode(
  chunks: readonly unknown[],
  windowBits: number | undefined,
): Uint8Array | undefined {
  const frames: Uint8Array[] = [];
  for (const chunk of chunks) {
    const isShared = chunk instanceof Frame && !chunk.lease && chunk.byteLength <= MAX_COPY;
    if (!isShared) return undefined;
    frames.push(chunk.encoding.forWindow(windowBits, chunk.compress));
  }
  return Buffer.concat(frames);
}

function forget(): void {
  runs.clear();
}
