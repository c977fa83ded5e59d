import { finished, type Readable } from "node:stream";
import { Fifo } from "../fifo.ts";
import { EMPTY, type Source } from "../protocol.ts";
import { usePump } from "../use-pump.ts";
import { ReadableEnd } from "../readable-end.ts";
import { fromNodeChunk } from "./chunk.ts";
import { fromNodeError, onAbort } from "./ending.ts";

/** How a {@link NodeSource} ends. */
export interface NodeSourceEnding {
  readonly signal: AbortSignal | undefined;
  /** Gives up the Node stream; it is paused, and nothing of ours listens to it. */
  readonly release: (reason: unknown) => Promise<void>;
}

/** Reads a Node stream, whose own queue is the only one: it flows while a chunk is wanted. */
export class NodeSource<T> implements Source<T> {
  readonly end: ReadableEnd<T>;
  readonly #readable: Readable;
  readonly #release: (reason: unknown) => Promise<void>;
  readonly #unwatch: () => void;
  readonly #forget: () => void;
  /** What came when none was wanted: one chunk, or more of a stream that is slow to pause. */
  readonly #held = new Fifo<T>();
  /** In a `take()`, which gives the chunk that comes. */
  #isAsking = false;
  #state: "open" | "closing" | "done" = "open";

  constructor(readable: Readable, { signal, release }: NodeSourceEnding) {
    usePump();
    this.#readable = readable;
    this.#release = release;
    this.end = new ReadableEnd<T>(this);
    readable.pause();
    readable.on("data", this.#onData);
    this.#unwatch = finished(readable, { writable: false }, (error) => {
      if (error) this.#fail(fromNodeError(error, "Cannot read on: the Node stream was destroyed"));
      else this.#close();
    });
    this.#forget = onAbort(signal, (reason) => {
      if (this.#state === "done") return;
      this.#fail(reason);
      void release(reason);
    });
    if (this.#isDone) this.#forget();
  }

  take(): T | typeof EMPTY {
    if (this.#held.length === 0 && this.#state === "open") this.#ask();
    const chunk = this.#held.length > 0 ? this.#held.shift() : EMPTY;
    if (this.#state === "closing") this.#close();
    return chunk;
  }

  cancel(reason: unknown): Promise<void> {
    this.#finish();
    return this.#release(reason);
  }

  get #isDone(): boolean {
    return this.#state === "done";
  }

  #ask(): void {
    // Objects are given one by one; bytes would be joined into one large copy.
    const isReady = this.#readable.readableObjectMode && this.#readable.readableLength > 0;
    if (!isReady || !this.#readable.isPaused()) {
      this.#readable.resume();
      return;
    }
    this.#isAsking = true;
    this.#readable.read();
    this.#isAsking = false;
  }

  readonly #onData = (given: unknown): void => {
    const chunk = (this.#readable.readableObjectMode ? given : fromNodeChunk(given)) as T;
    if (this.#isAsking) {
      this.#held.push(chunk);
    } else if (this.#held.length > 0 || !this.end.push(chunk)) {
      this.#held.push(chunk);
      this.#readable.pause();
      this.end.wake();
    } else if (!this.end.isWanted) {
      this.#readable.pause();
    }
  };

  #close(): void {
    this.#state = "closing";
    if (this.#held.length > 0) return;
    this.#finish();
    this.end.close();
  }

  #fail(reason: unknown): void {
    this.#finish();
    this.end.error(reason);
  }

  #finish(): void {
    this.#state = "done";
    this.#held.clear();
    this.#readable.off("data", this.#onData);
    this.#readable.pause();
    this.#unwatch();
    this.#forget?.();
  }
}
