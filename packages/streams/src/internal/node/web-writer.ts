import type { Writable } from "node:stream";
import { SpillwayError } from "../../errors.ts";
import { Fifo } from "../fifo.ts";
import { EMPTY, type Source } from "../protocol.ts";
import { usePump } from "../use-pump.ts";
import { ReadableEnd } from "../readable-end.ts";
import { reportUncaught } from "../report.ts";
import { fromNodeChunk } from "./chunk.ts";
import { toError } from "./ending.ts";
import { pipe } from "./pipe.ts";

export type Callback = (error?: Error | null) => void;

/** Feeds a stream of the web from one of Node, which hears back when a chunk was taken. */
export class WebWriter<T> implements Source<T> {
  readonly #end: ReadableEnd<T>;
  readonly #from: Writable;
  readonly #abort = new AbortController();
  readonly #piped: Promise<void>;
  /** What Node has handed over and nobody has taken, never more than its own queue held. */
  readonly #chunks = new Fifo<T>();
  #taken: Callback | undefined;
  #isTaking = false;
  #isOver = false;

  /**
   * `from` calls {@link WebWriter.write}, {@link WebWriter.final} and {@link WebWriter.destroy}.
   */
  constructor(into: WritableStream<T>, from: Writable) {
    usePump();
    this.#from = from;
    this.#end = new ReadableEnd<T>(this);
    this.#piped = pipe(this.#end.stream, into, this.#abort.signal);
    const over = (): void => {
      this.#isOver = true;
    };
    this.#piped.then(over, over);
  }

  write(chunks: readonly unknown[], taken: Callback): void {
    for (const chunk of chunks) {
      const given = (this.#from.writableObjectMode ? chunk : fromNodeChunk(chunk)) as T;
      if (this.#waits || !this.#end.push(given)) this.#chunks.push(given);
    }
    this.#taken = taken;
    if (this.#chunks.length === 0) this.#answer();
    else this.#end.wake();
  }

  final(closed: Callback): void {
    this.#end.close();
    this.#piped.then(
      () => closed(),
      (reason: unknown) => closed(toError(reason, "Cannot close: the stream errored")),
    );
  }

  destroy(error: Error | null): void {
    const reason = error ?? destroyed();
    this.#chunks.clear();
    this.#answer(reason);
    // Not by an error, which would wait for the write under way, for ever if that is stalled.
    if (!this.#isOver) this.#abort.abort(reason);
  }

  take(): T | typeof EMPTY {
    if (this.#chunks.length === 0) return EMPTY;
    const chunk = this.#chunks.shift();
    if (this.#chunks.length > 0) return chunk;
    // Node may write the next chunk from within, which must not overtake this one.
    this.#isTaking = true;
    this.#answer();
    this.#isTaking = false;
    return chunk;
  }

  cancel(reason: unknown): void {
    this.#from.destroy(toError(reason, "Cannot write on: the stream errored"));
  }

  get #waits(): boolean {
    return this.#isTaking || this.#chunks.length > 0;
  }

  #answer(error?: Error): void {
    const taken = this.#taken;
    this.#taken = undefined;
    try {
      taken?.(error);
    } catch (thrown) {
      // A listener for "drain" threw; that is none of the pipe's business.
      reportUncaught(thrown);
    }
  }
}

function destroyed(): SpillwayError {
  return new SpillwayError("SPW_ERR_ABORTED", "Cannot write on: the Node stream was destroyed");
}
