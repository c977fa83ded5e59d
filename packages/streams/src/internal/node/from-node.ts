import { type Duplex, type Readable, Transform, type Writable } from "node:stream";
import { wrongType } from "../../options.ts";
import { checkSignal, destroy, toError } from "./ending.ts";
import { NodeSink } from "./node-sink.ts";
import { NodeSource } from "./node-source.ts";

/** What a byte stream of Node can be given. */
export type NodeChunk = string | ArrayBuffer | ArrayBufferView;

/** How {@link fromNodeReadable} ends. */
export interface FromNodeReadableOptions {
  /** Errors the stream with its reason, and destroys the Node stream with it. */
  readonly signal?: AbortSignal | undefined;
}

/** How {@link fromNodeWritable} ends, and what may wait in front of it. */
export interface FromNodeWritableOptions<T> extends FromNodeReadableOptions {
  /**
   * What may wait in front of the Node stream's own queue.
   *
   * @defaultValue one chunk
   */
  readonly writableStrategy?: QueuingStrategy<T> | undefined;
}

/**
 * Makes a web stream of a Node `Readable`: a file, a socket, a request, `zlib`.
 *
 * Backpressure: the Node stream's own queue is the only one, so its `highWaterMark` stays what it
 * was, in bytes or objects; it is paused while no chunk is wanted, with at most one chunk beside it.
 * Nothing is dropped. Cancelling destroys the Node stream, and settles when that has closed.
 *
 * Bytes come as `Uint8Array`, by reference: who keeps a small one keeps all of what was read at once.
 * With an encoding set they come as strings, from an object stream as they are.
 *
 * @param readable - the Node stream; nobody else reads it
 * @param options - what ends it early
 * @returns the stream; it errors with the Node stream's error, or with a `SpillwayError` with
 * `SPW_ERR_CLOSED` when that is destroyed before its end
 * @throws `TypeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { createReadStream } from "node:fs";
 * import { fromNodeReadable } from "@spillway/streams/node";
 *
 * let bytes = 0;
 * for await (const chunk of fromNodeReadable(createReadStream("clip.ivf"))) bytes += chunk.length;
 * ```
 */
export function fromNodeReadable<T = Uint8Array>(
  readable: Readable,
  options: FromNodeReadableOptions = {},
): ReadableStream<T> {
  checkReadable("readable", readable);
  const source = new NodeSource<T>(readable, {
    signal: checkSignal(options.signal),
    release: (reason) => destroy(readable, cancelled(reason)),
  });
  return source.end.stream;
}

/**
 * Makes a web stream of a Node `Writable`: a file, a socket, a response, `zlib`.
 *
 * Backpressure: the Node stream's own queue is the only one, so its `highWaterMark` stays what it
 * was, in bytes or objects; `ready` and `write()` wait while it is full, also when others filled it.
 * Nothing is dropped. `close()` settles when the Node stream has finished; aborting destroys it.
 *
 * A chunk goes by reference: change none, even after `write()` has settled.
 *
 * @param writable - the Node stream
 * @param options - what ends it early, and what may wait in front of it
 * @returns the stream; it errors with the Node stream's error, or with a `SpillwayError` with
 * `SPW_ERR_CLOSED` when others end or destroy that
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { createWriteStream } from "node:fs";
 * import { fromNodeWritable } from "@spillway/streams/node";
 *
 * async function record(source: ReadableStream<Uint8Array>, path: string): Promise<void> {
 *   await source.pipeTo(fromNodeWritable(createWriteStream(path)));
 * }
 * ```
 */
export function fromNodeWritable<T = NodeChunk>(
  writable: Writable,
  options: FromNodeWritableOptions<T> = {},
): WritableStream<T> {
  checkWritable("writable", writable);
  const sink = new NodeSink<T>(writable, {
    signal: checkSignal(options.signal),
    strategy: options.writableStrategy,
  });
  return sink.end.stream;
}

/**
 * Makes a pair of web streams of a Node `Duplex`: a socket, a pipe, `zlib`.
 *
 * Backpressure: as of {@link fromNodeReadable} and {@link fromNodeWritable}, each side for itself.
 *
 * The sides end one by one. Cancelling the readable discards what still comes and leaves the writable
 * alone, until that has ended, too; of a `Transform` it destroys both, for they are one. Aborting the
 * writable destroys both.
 *
 * @param duplex - the Node stream; nobody else reads it
 * @param options - what ends it early, and what may wait in front of it
 * @returns the pair, for `pipeThrough()` where the duplex is a transform
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { createGzip } from "node:zlib";
 * import { fromNodeDuplex } from "@spillway/streams/node";
 *
 * function compress(source: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
 *   return source.pipeThrough(fromNodeDuplex(createGzip()));
 * }
 * ```
 */
export function fromNodeDuplex<In = NodeChunk, Out = Uint8Array>(
  duplex: Duplex,
  options: FromNodeWritableOptions<In> = {},
): { readonly readable: ReadableStream<Out>; readonly writable: WritableStream<In> } {
  checkReadable("duplex", duplex);
  checkWritable("duplex", duplex);
  const signal = checkSignal(options.signal);
  let isDiscarding = false;
  const sink = new NodeSink<In>(duplex, {
    signal,
    strategy: options.writableStrategy,
    onOver: () => {
      if (isDiscarding) duplex.destroy();
    },
  });
  const source = new NodeSource<Out>(duplex, {
    signal,
    release: async (reason) => {
      if (sink.isOver || duplex instanceof Transform) return destroy(duplex, cancelled(reason));
      isDiscarding = true;
      duplex.resume();
      return undefined;
    },
  });
  return { readable: source.end.stream, writable: sink.end.stream };
}

/** Who cancels without a reason has had enough, and nothing failed. */
function cancelled(reason: unknown): Error | undefined {
  return reason === undefined ? undefined : toError(reason, "Cannot read on: cancelled");
}

function checkReadable(name: string, stream: Readable): void {
  const { resume, destroy: end } = (stream ?? {}) as Partial<Readable>;
  if (typeof resume === "function" && typeof end === "function") return;
  throw wrongType(name, "a Node stream to read", stream);
}

function checkWritable(name: string, stream: Writable): void {
  const { write, destroy: end } = (stream ?? {}) as Partial<Writable>;
  if (typeof write === "function" && typeof end === "function") return;
  throw wrongType(name, "a Node stream to write", stream);
}
