import type { Readable } from "node:stream";
import { SpillwayError } from "../../errors.ts";
import type { Sink } from "../protocol.ts";
import { usePump } from "../use-pump.ts";
import { WritableEnd } from "../writable-end.ts";
import { toNodeChunk } from "./chunk.ts";
import { toError } from "./ending.ts";

/** Feeds a Node stream from one of the web, a chunk for each that fits below its mark. */
export class WebReader<T> implements Sink<T> {
  readonly #end: WritableEnd<T>;
  readonly #into: Readable;
  #isWanted = false;

  /** `into` calls {@link WebReader.read} and {@link WebReader.destroy}. */
  constructor(from: ReadableStream<T>, into: Readable) {
    usePump();
    this.#into = into;
    this.#end = new WritableEnd<T>(this);
    // Both ends hear of a failure themselves.
    from.pipeTo(this.#end.stream).catch(() => {});
  }

  read(): void {
    this.#isWanted = true;
    this.#end.wake();
  }

  destroy(error: Error | null): void {
    this.#end.error(error ?? undefined);
  }

  put(chunk: T): boolean | Promise<void> {
    if (!this.#isWanted) return false;
    const { readableObjectMode } = this.#into;
    // To Node, `null` is the end, and `undefined` among bytes nothing at all.
    if (chunk === null || (chunk === undefined && !readableObjectMode)) return this.#refuse(chunk);
    const given = readableObjectMode ? chunk : toNodeChunk(chunk);
    // `push()` may ask for more from within.
    this.#isWanted = false;
    if (this.#into.push(given)) this.#isWanted = true;
    return true;
  }

  close(): void {
    this.#into.push(null);
  }

  abort(reason: unknown): void {
    this.#into.destroy(toError(reason, "Cannot read on: the stream errored"));
  }

  #refuse(chunk: T): Promise<void> {
    const message = `Cannot read chunk: got ${String(chunk)}, which Node streams cannot carry`;
    const error = new SpillwayError("SPW_ERR_CHUNK", message);
    this.#into.destroy(error);
    return Promise.reject(error);
  }
}
