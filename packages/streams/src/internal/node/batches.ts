import type { Sink } from "../protocol.ts";
import { usePump } from "../use-pump.ts";
import { WritableEnd } from "../writable-end.ts";
import { toBytes } from "./chunk.ts";

/** Chunks of a batch at most; Node's own sources stop there, too. */
const MAX_BATCH = 128;

interface Waiting {
  readonly resolve: (batch: Uint8Array[] | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

/** Takes what a stream has at hand when it is asked, and nothing before. */
export class Batches implements Sink<unknown> {
  readonly #end = new WritableEnd<unknown>(this);
  readonly #piped: Promise<void>;
  #batch: Uint8Array[] = [];
  #waiting: Waiting | undefined;
  #failure: { readonly reason: unknown } | undefined;
  #isClosed = false;

  constructor(from: ReadableStream<unknown>) {
    usePump();
    this.#piped = from.pipeTo(this.#end.stream);
    this.#piped.catch((reason: unknown) => this.abort(reason));
  }

  /** The next batch, `undefined` at the end; called again only when it has settled. */
  next(): Promise<Uint8Array[] | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#end.wake();
      this.#flush();
    });
  }

  /** Cancels the stream unless it has ended; settles when it is free. */
  async leave(): Promise<void> {
    this.#end.error(undefined);
    await this.#piped.catch(() => {});
  }

  put(chunk: unknown): boolean | Promise<void> {
    if (!this.#waiting || this.#batch.length === MAX_BATCH) return false;
    try {
      this.#batch.push(toBytes(chunk));
    } catch (error) {
      this.#end.error(error);
      return Promise.reject(error);
    }
    // What else is at hand comes before the microtask does.
    if (this.#batch.length === 1) queueMicrotask(() => this.#flush());
    return true;
  }

  close(): void {
    this.#isClosed = true;
    this.#flush();
  }

  abort(reason: unknown): void {
    this.#failure ??= { reason };
    this.#flush();
  }

  #flush(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    if (this.#batch.length > 0) {
      const batch = this.#batch;
      this.#batch = [];
      this.#waiting = undefined;
      waiting.resolve(batch);
    } else if (this.#failure) {
      this.#waiting = undefined;
      waiting.reject(this.#failure.reason);
    } else if (this.#isClosed) {
      this.#waiting = undefined;
      waiting.resolve(undefined);
    }
  }
}
