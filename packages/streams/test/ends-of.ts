import { fromIterable } from "../src/from-iterable.ts";
import { sink } from "../src/sink.ts";
import { readAll } from "./read-all.ts";

/** A pair with both ends taken; rejections that a test does not look at are handled. */
export interface Ends<In, Out> {
  readonly reader: ReadableStreamDefaultReader<Out>;
  readonly writer: WritableStreamDefaultWriter<In>;
  write(chunk: In): Promise<void>;
  read(): Promise<ReadableStreamReadResult<Out>>;
  /** Reads to the end. */
  readAll(): Promise<Out[]>;
}

export function endsOf<In, Out>(pair: ReadableWritablePair<Out, In>): Ends<In, Out> {
  const [reader, writer] = [pair.readable.getReader(), pair.writable.getWriter()];
  for (const promise of [reader.closed, writer.closed, writer.ready]) promise.catch(() => {});
  return {
    reader,
    writer,
    write: (chunk) => handled(writer.write(chunk)),
    read: () => handled(reader.read()),
    readAll: () => readAll(reader),
  };
}

/** A promise whose rejection is no event of its own. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Whether the ends of a pipe know one another, or meet streams of the platform. */
export const ways = ["direct", "foreign"] as const;
export type Way = (typeof ways)[number];

/** Puts a stream of the platform behind one of ours. */
export function via<T>(way: Way, readable: ReadableStream<T>): ReadableStream<T> {
  return way === "foreign" ? readable.pipeThrough(new TransformStream<T, T>()) : readable;
}

/** Pipes chunks through a pair, and gives what came out. */
export async function pipeAll<In, Out>(
  way: Way,
  chunks: Iterable<In> | AsyncIterable<In>,
  pair: ReadableWritablePair<Out, In>,
): Promise<Out[]> {
  const received: Out[] = [];
  const readable = via(way, fromIterable(chunks)).pipeThrough(pair);
  await via(way, readable).pipeTo(sink({ write: (chunk) => void received.push(chunk) }));
  return received;
}
