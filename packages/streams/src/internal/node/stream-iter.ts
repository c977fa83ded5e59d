import { SpillwayError } from "../../errors.ts";
import { fromIterable } from "../../from-iterable.ts";
import { outOfRange, wrongType } from "../../options.ts";
import type { Sink } from "../protocol.ts";
import { usePump } from "../use-pump.ts";
import { stage } from "../stage.ts";
import { WritableEnd } from "../writable-end.ts";
import { Batches } from "./batches.ts";
import { toBytes } from "./chunk.ts";
import type { NodeChunk } from "./from-node.ts";

/** What `node:stream/iter` takes and gives: batches of bytes. */
export type StreamIterSource = AsyncIterable<Uint8Array[]> | Iterable<Uint8Array[]>;

/** What a call of a {@link StreamIterWriter} takes. */
export interface StreamIterWriteOptions {
  /** Gives up the wait of this call, and nothing else. */
  readonly signal?: AbortSignal | undefined;
}

/** A writer as `node:stream/iter` has it; it may lack all but `write()`. */
export interface StreamIterWriter {
  /** Settles when the chunk was taken. */
  write(chunk: Uint8Array, options?: StreamIterWriteOptions): PromiseLike<void> | void;
  /** Takes the chunk at once, or answers `false`. */
  writeSync?(chunk: Uint8Array): boolean;
  /** Settles with the bytes written. */
  end?(options?: StreamIterWriteOptions): PromiseLike<number> | void;
  /** Ends at once, or answers a negative number. */
  endSync?(): number;
  fail?(reason?: unknown): void;
}

/** The writer that {@link toStreamIterWriter} makes. */
export interface WebStreamIterWriter extends StreamIterWriter {
  write(chunk: Uint8Array | string, options?: StreamIterWriteOptions): Promise<void>;
  writev(chunks: readonly (Uint8Array | string)[], options?: StreamIterWriteOptions): Promise<void>;
  end(options?: StreamIterWriteOptions): Promise<number>;
  fail(reason?: unknown): void;
}

/**
 * Makes a web stream of what `from()` of `node:stream/iter` takes: batches, bytes, strings, iterables
 * of them.
 *
 * Backpressure: asks for a batch when the one before was read; nothing is read ahead. Nothing is
 * dropped. Cancelling calls the iterator's `return()`.
 *
 * @param source - what is read, once
 * @returns the stream of its bytes
 * @throws {@link SpillwayError} with `SPW_ERR_SOURCE` where the runtime has no `node:stream/iter`
 * @see https://nodejs.org/api/stream_iter.html
 *
 * @example
 * ```ts
 * import { fromStreamIter } from "@spillway/streams/node";
 *
 * async function send(source: AsyncIterable<Uint8Array[]>, into: WritableStream<Uint8Array>) {
 *   await fromStreamIter(source).pipeTo(into);
 * }
 * ```
 */
export function fromStreamIter(
  source: StreamIterSource | AsyncIterable<NodeChunk> | Iterable<NodeChunk> | NodeChunk,
): ReadableStream<Uint8Array> {
  const batches = load().from(source);
  // A batch is in memory as a whole; its chunks wait here for as long as it would.
  const unbatched = stage<Uint8Array[], Uint8Array>({}, (output) => ({
    put: (batch) => {
      if (!output.isWanted) return false;
      for (const chunk of batch) output.emit(chunk);
      return true;
    },
  }));
  return fromIterable(batches).pipeThrough(unbatched);
}

/**
 * Makes of a web stream what `node:stream/iter` takes: batches of bytes. It needs nothing of that
 * module, so it works without it.
 *
 * Backpressure: takes chunks when the loop wants a batch: those at hand, up to 128. Nothing is
 * dropped. Leaving the loop early cancels the stream.
 *
 * @param readable - a stream of strings or bytes; locked once the loop begins
 * @returns an iterator for one `for await`; it throws the stream's error, and a {@link SpillwayError}
 * with `SPW_ERR_CHUNK` at a chunk that is neither string nor bytes
 * @throws `TypeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { toStreamIter } from "@spillway/streams/node";
 *
 * let bytes = 0;
 * const response = await fetch("https://example.com/");
 * for await (const batch of toStreamIter(response.body ?? new ReadableStream())) {
 *   for (const chunk of batch) bytes += chunk.byteLength;
 * }
 * ```
 */
export function toStreamIter(
  readable: ReadableStream<NodeChunk>,
): AsyncGenerator<Uint8Array[], undefined, undefined> {
  if (!(readable instanceof ReadableStream)) {
    throw wrongType("readable", "a readable stream", readable);
  }
  return batchesOf(readable);
}

/**
 * Makes a web stream of a writer of `node:stream/iter`.
 *
 * Backpressure: `write()` waits where the writer does; a writer that has `writeSync()` is asked that
 * way first. Nothing is dropped. `close()` ends the writer; aborting makes it fail.
 *
 * @param writer - where chunks go, as bytes
 * @returns the stream
 * @throws `TypeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { fromStreamIterWriter, type StreamIterWriter } from "@spillway/streams/node";
 *
 * async function store(source: ReadableStream<Uint8Array>, writer: StreamIterWriter) {
 *   await source.pipeTo(fromStreamIterWriter(writer));
 * }
 * ```
 */
export function fromStreamIterWriter(writer: StreamIterWriter): WritableStream<NodeChunk> {
  if (typeof (writer as Partial<StreamIterWriter> | undefined)?.write !== "function") {
    throw wrongType("writer", "a writer", writer);
  }
  usePump();
  const failing = (error: unknown): never => {
    end.error(error);
    throw error;
  };
  const core: Sink<NodeChunk> = {
    put: (chunk) => {
      try {
        const bytes = toBytes(chunk);
        if (writer.writeSync?.(bytes)) return true;
        return Promise.resolve(writer.write(bytes)).catch(failing);
      } catch (error) {
        end.error(error);
        return Promise.reject(error);
      }
    },
    close: async () => {
      if (!writer.endSync || writer.endSync() < 0) await writer.end?.();
    },
    abort: (reason) => writer.fail?.(reason),
  };
  const end: WritableEnd<NodeChunk> = new WritableEnd<NodeChunk>(core);
  return end.stream;
}

/**
 * Makes a writer, as `node:stream/iter` wants it, of a web stream.
 *
 * Backpressure: `write()` and `writev()` wait while the stream is full. Nothing is dropped. `end()`
 * closes the stream; `fail()` aborts it.
 *
 * @param writable - the stream, locked from now on; it gets bytes
 * @returns the writer; what fails in the stream rejects the next call
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { sink } from "@spillway/streams";
 * import { toStreamIterWriter } from "@spillway/streams/node";
 *
 * const writer = toStreamIterWriter(sink({ write: (bytes: Uint8Array) => console.log(bytes) }));
 * await writer.writev(["a", "b"]);
 * console.log(await writer.end()); // 2
 * ```
 */
export function toStreamIterWriter(writable: WritableStream<Uint8Array>): WebStreamIterWriter {
  if (!(writable instanceof WritableStream)) {
    throw wrongType("writable", "a writable stream", writable);
  }
  if (writable.locked) throw outOfRange("writable", "a stream that is not locked", "locked");
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  let written = 0;
  const writev: WebStreamIterWriter["writev"] = async (chunks, { signal } = {}) => {
    for (const chunk of chunks) {
      const bytes = toBytes(chunk);
      await orAborted(writer.ready, signal);
      // Its failure is the stream's, which the next call meets.
      writer.write(bytes).catch(() => {});
      written += bytes.byteLength;
    }
  };
  return {
    write: (chunk, options) => writev([chunk], options),
    writev,
    end: async ({ signal } = {}) => {
      await orAborted(writer.close(), signal);
      return written;
    },
    fail: (reason) => void writer.abort(reason).catch(() => {}),
  };
}

interface StreamIter {
  from(source: unknown): AsyncIterable<Uint8Array[]>;
}

/** Asked for by name when it is needed: where it is missing, an import would fail. */
function load(): StreamIter {
  const found: unknown = process.getBuiltinModule("node:stream/iter");
  if (found) return found as StreamIter;
  throw new SpillwayError(
    "SPW_ERR_SOURCE",
    `Cannot read source: Node ${process.versions.node} runs without node:stream/iter, ` +
      "want Node 25.9 or later with --experimental-stream-iter",
  );
}

async function* batchesOf(
  readable: ReadableStream<unknown>,
): AsyncGenerator<Uint8Array[], undefined, undefined> {
  const batches = new Batches(readable);
  try {
    for (let batch = await batches.next(); batch; batch = await batches.next()) yield batch;
  } finally {
    await batches.leave();
  }
  return undefined;
}

async function orAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return work;
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    if (stop) signal.removeEventListener("abort", stop);
  }
}
