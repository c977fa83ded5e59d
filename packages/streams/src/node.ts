/**
 * Adapters between web streams and the streams of Node. Reach for {@link fromNodeReadable} and
 * {@link fromNodeWritable} to put a file or a socket at the end of a pipe, and for
 * {@link toNodeReadable} and {@link toNodeWritable} where an API of Node wants its own streams. Those
 * with `StreamIter` in their name are for the iterable streams of `node:stream/iter`.
 *
 * @module
 */
export {
  fromNodeDuplex,
  fromNodeReadable,
  type FromNodeReadableOptions,
  fromNodeWritable,
  type FromNodeWritableOptions,
  type NodeChunk,
} from "./internal/node/from-node.ts";
export {
  toNodeDuplex,
  type ToNodeDuplexOptions,
  type ToNodeOptions,
  toNodeReadable,
  type ToNodeReadableOptions,
  toNodeWritable,
  type ToNodeWritableOptions,
} from "./internal/node/to-node.ts";
export {
  fromStreamIter,
  fromStreamIterWriter,
  type StreamIterSource,
  type StreamIterWriteOptions,
  type StreamIterWriter,
  toStreamIter,
  toStreamIterWriter,
  type WebStreamIterWriter,
} from "./internal/node/stream-iter.ts";
