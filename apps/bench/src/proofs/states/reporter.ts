import { now, STAMP_BYTES } from "../../clients/protocol.ts";
import type { Showing } from "./protocol.ts";

/** A film has a picture every 33 ms; of a flood nobody wants to hear of each. */
const MIN_TOLD_MS = 20;

/** Tells what a viewer shows. It runs in Node, Bun, Deno and pages alike. */
export class Reporter {
  readonly #tell: (showing: Showing) => void;
  #bytes = 0;
  #toldAtMs = -Infinity;

  constructor(tell: (showing: Showing) => void) {
    this.#tell = tell;
  }

  /** Takes a picture, which begins with the time it was made at. */
  show(picture: Uint8Array): void {
    this.#bytes += picture.byteLength;
    const atMs = now();
    if (atMs - this.#toldAtMs < MIN_TOLD_MS) return;
    this.#toldAtMs = atMs;
    const madeAtMs = Number(String.fromCharCode(...picture.subarray(0, STAMP_BYTES))) / 1000;
    this.#tell({ atMs, madeAtMs, bytes: this.#bytes });
  }
}
