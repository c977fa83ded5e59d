import { Duplex, Readable, Writable } from "node:stream";
import { outOfRange, wrongType } from "../../options.ts";
import { checkSignal, onAbort, toError } from "./ending.ts";
import { WebReader } from "./web-reader.ts";
import { WebWriter } from "./web-writer.ts";

/** What a Node stream made of a web one carries, and what ends it early. */
export interface ToNodeOptions {
  /**
   * What may wait in the Node stream: bytes, or chunks with `objectMode`.
   *
   * @defaultValue that of Node
   */
  readonly highWaterMark?: number | undefined;
  /**
   * Whether chunks are any values, not bytes and strings.
   *
   * @defaultValue `false`
   */
  readonly objectMode?: boolean | undefined;
  /** Destroys the Node stream with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** As {@link ToNodeOptions}, for what is read. */
export interface ToNodeReadableOptions extends ToNodeOptions {
  /**
   * Makes strings of bytes.
   *
   * @defaultValue none: `Buffer`
   */
  readonly encoding?: BufferEncoding | undefined;
}

/** As {@link ToNodeOptions}, for what is written. */
export interface ToNodeWritableOptions extends ToNodeOptions {
  /**
   * Whether a string becomes bytes before it is handed on.
   *
   * @defaultValue `true`
   */
  readonly decodeStrings?: boolean | undefined;
}

/** As {@link ToNodeOptions}, for both sides. */
export interface ToNodeDuplexOptions extends ToNodeReadableOptions, ToNodeWritableOptions {
  /**
   * Whether the writable side stays open when the readable one has ended.
   *
   * @defaultValue `true`
   */
  readonly allowHalfOpen?: boolean | undefined;
}

/**
 * Makes a Node `Readable` of a web stream.
 *
 * Backpressure: takes chunks while less than `highWaterMark` waits in the Node stream, and one more.
 * Nothing is dropped. Destroying it cancels the stream with the error; the stream's error destroys it.
 *
 * @param readable - the stream, locked from now on
 * @param options - what it carries, and what ends it early
 * @returns the Node stream
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { pipeline } from "node:stream/promises";
 * import { toNodeReadable } from "@spillway/streams/node";
 *
 * const response = await fetch("https://example.com/");
 * if (response.body) await pipeline(toNodeReadable(response.body), process.stdout, { end: false });
 * ```
 */
export function toNodeReadable(
  readable: ReadableStream<unknown>,
  options: ToNodeReadableOptions = {},
): Readable {
  checkReadable("readable", readable);
  const signal = checkSignal(options.signal);
  let reader: WebReader<unknown>;
  const stream = new Readable({
    ...nodeOptions(options),
    encoding: options.encoding,
    read: () => reader.read(),
    destroy: (error, done) => {
      reader.destroy(error);
      done(error);
    },
  });
  reader = new WebReader(readable, stream);
  return destroyOn(signal, stream);
}

/**
 * Makes a Node `Writable` of a web stream.
 *
 * Backpressure: a chunk waits in the Node stream, up to `highWaterMark`, until the web stream takes
 * it. Nothing is dropped. `end()` closes the stream, and "finish" waits for that; destroying it before
 * aborts the stream with the error; the stream's error destroys it.
 *
 * @param writable - the stream, locked from now on
 * @param options - what it carries, and what ends it early
 * @returns the Node stream
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { createReadStream } from "node:fs";
 * import { pipeline } from "node:stream/promises";
 * import { toNodeWritable } from "@spillway/streams/node";
 *
 * async function upload(path: string, into: WritableStream<Uint8Array>): Promise<void> {
 *   await pipeline(createReadStream(path), toNodeWritable(into));
 * }
 * ```
 */
export function toNodeWritable<T>(
  writable: WritableStream<T>,
  options: ToNodeWritableOptions = {},
): Writable {
  checkWritable("writable", writable);
  const signal = checkSignal(options.signal);
  let writer: WebWriter<T>;
  const stream = new Writable({
    ...nodeOptions(options),
    decodeStrings: options.decodeStrings,
    ...writing(() => writer),
    destroy: (error, done) => {
      writer.destroy(error);
      done(error);
    },
  });
  writer = new WebWriter<T>(writable, stream);
  return destroyOn(signal, stream);
}

/**
 * Makes a Node `Duplex` of a pair of web streams.
 *
 * Backpressure: as of {@link toNodeReadable} and {@link toNodeWritable}, each side for itself; both
 * have the same mark. An error of either side destroys both.
 *
 * @param pair - the streams, locked from now on
 * @param options - what it carries, and what ends it early
 * @returns the Node stream
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { bounded } from "@spillway/streams";
 * import { toNodeDuplex } from "@spillway/streams/node";
 *
 * const newest = toNodeDuplex(bounded<object>({ overflow: "latest" }), { objectMode: true });
 * newest.write({ celsius: 20.5 });
 * newest.on("data", (reading) => console.log(reading));
 * ```
 */
export function toNodeDuplex<In>(
  pair: { readonly readable: ReadableStream<unknown>; readonly writable: WritableStream<In> },
  options: ToNodeDuplexOptions = {},
): Duplex {
  const { readable, writable } = pair;
  checkReadable("readable", readable);
  checkWritable("writable", writable);
  const signal = checkSignal(options.signal);
  let reader: WebReader<unknown>;
  let writer: WebWriter<In>;
  const stream = new Duplex({
    ...nodeOptions(options),
    allowHalfOpen: options.allowHalfOpen,
    encoding: options.encoding,
    decodeStrings: options.decodeStrings,
    read: () => reader.read(),
    ...writing(() => writer),
    destroy: (error, done) => {
      reader.destroy(error);
      writer.destroy(error);
      done(error);
    },
  });
  reader = new WebReader(readable, stream);
  writer = new WebWriter<In>(writable, stream);
  return destroyOn(signal, stream);
}

function nodeOptions({ highWaterMark, objectMode }: ToNodeOptions) {
  return { highWaterMark, objectMode };
}

/** How Node hands chunks over, one or all that wait. */
function writing<T>(writer: () => WebWriter<T>) {
  type Done = (error?: Error | null) => void;
  return {
    write: (chunk: unknown, _: string, done: Done): void => writer().write([chunk], done),
    writev: (entries: readonly { readonly chunk: unknown }[], done: Done): void => {
      writer().write(
        entries.map(({ chunk }) => chunk),
        done,
      );
    },
    final: (done: Done): void => writer().final(done),
  };
}

function destroyOn<Stream extends Readable | Writable>(
  signal: AbortSignal | undefined,
  stream: Stream,
): Stream {
  const forget = onAbort(signal, (reason) => stream.destroy(toError(reason, "Cannot go on")));
  if (signal) stream.once("close", forget);
  return stream;
}

function checkReadable(name: string, stream: ReadableStream<unknown>): void {
  if (!(stream instanceof ReadableStream)) throw wrongType(name, "a readable stream", stream);
  if (stream.locked) throw outOfRange(name, "a stream that is not locked", "locked");
}

function checkWritable<T>(name: string, stream: WritableStream<T>): void {
  if (!(stream instanceof WritableStream)) throw wrongType(name, "a writable stream", stream);
  if (stream.locked) throw outOfRange(name, "a stream that is not locked", "locked");
}
