import { finished, type Writable } from "node:stream";
import { SpillwayError } from "../../errors.ts";
import type { Sink } from "../protocol.ts";
import { usePump } from "../use-pump.ts";
import { checkStrategy } from "../strategy.ts";
import { WritableEnd } from "../writable-end.ts";
import { toNodeChunk } from "./chunk.ts";
import { destroy, fromNodeError, onAbort, toError } from "./ending.ts";

interface Waiting {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** How a {@link NodeSink} is made. */
export interface NodeSinkOptions<T> {
  readonly signal: AbortSignal | undefined;
  readonly strategy: QueuingStrategy<T> | undefined;
  /** Called once when there is nothing to write any more. */
  readonly onOver?: (() => void) | undefined;
}

/** Writes a Node stream, whose own queue is the only one: a write waits while that is full. */
export class NodeSink<T> implements Sink<T> {
  readonly end: WritableEnd<T>;
  readonly #writable: Writable;
  readonly #onOver: (() => void) | undefined;
  readonly #unwatch: () => void;
  readonly #forget: () => void;
  #drain: Waiting | undefined;
  #closing: Waiting | undefined;
  #isOver = false;

  constructor(writable: Writable, { signal, strategy, onOver }: NodeSinkOptions<T>) {
    usePump();
    this.#writable = writable;
    this.#onOver = onOver;
    this.end = new WritableEnd<T>(this, checkStrategy("writableStrategy", strategy, 1));
    writable.on("drain", this.#onDrain);
    this.#unwatch = finished(writable, { readable: false }, (error) => this.#finished(error));
    this.#forget = onAbort(signal, (reason) => {
      if (this.#isOver) return;
      this.#fail(reason);
      void destroy(writable, toError(reason, "Cannot write on: aborted"));
    });
    if (this.#isOver) this.#forget();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  put(chunk: T): boolean | Promise<void> {
    // Others may write, too; what is written past the mark would wait where nothing bounds it.
    if (this.#writable.writableNeedDrain) return false;
    const written = this.#writable.writableObjectMode ? chunk : toNodeChunk(chunk);
    try {
      if (this.#writable.write(written)) return true;
    } catch (error) {
      this.#fail(error);
      void destroy(this.#writable, toError(error, "Cannot write chunk"));
      return Promise.reject(error);
    }
    this.#drain = waiting();
    return this.#drain.promise;
  }

  close(): Promise<void> {
    this.#closing = waiting();
    this.#writable.end();
    return this.#closing.promise;
  }

  abort(reason: unknown): Promise<void> {
    this.#finish(reason);
    return destroy(this.#writable, toError(reason, "Cannot write on: aborted"));
  }

  readonly #onDrain = (): void => {
    this.#drain?.resolve();
    this.#drain = undefined;
    this.end.wake();
  };

  #finished(error: NodeJS.ErrnoException | null | undefined): void {
    if (error) {
      this.#fail(fromNodeError(error, "Cannot write on: the Node stream was destroyed"));
    } else if (this.#closing) {
      this.#closing.resolve();
      this.#finish(undefined);
    } else {
      const message = "Cannot write on: the Node stream was ended by someone else";
      this.#fail(new SpillwayError("SPW_ERR_CLOSED", message));
    }
  }

  #fail(reason: unknown): void {
    this.#finish(reason);
    this.end.error(reason);
  }

  #finish(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#drain?.reject(reason);
    this.#closing?.reject(reason);
    this.#writable.off("drain", this.#onDrain);
    this.#unwatch();
    this.#forget?.();
    this.#onOver?.();
  }
}

function waiting(): Waiting {
  let settlers: Omit<Waiting, "promise"> | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settlers = { resolve, reject };
  });
  // Whoever wrote the chunk hears of it; a pump that has ended does not ask any more.
  promise.catch(() => {});
  return { promise, ...(settlers as Omit<Waiting, "promise">) };
}
