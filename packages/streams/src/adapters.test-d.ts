import type { Duplex, Readable, Writable } from "node:stream";
import { createReadStream, createWriteStream } from "node:fs";
import { connect } from "node:net";
import { createGzip } from "node:zlib";
import { describe, expectTypeOf, test } from "vitest";
import { type EventStream, fromEvents } from "./from-events.ts";
import { map } from "./map.ts";
import { merge } from "./merge.ts";
import {
  fromNodeDuplex,
  fromNodeReadable,
  fromNodeWritable,
  fromStreamIter,
  fromStreamIterWriter,
  type NodeChunk,
  toNodeDuplex,
  toNodeReadable,
  toNodeWritable,
  toStreamIter,
  toStreamIterWriter,
} from "./node.ts";
import type { Drop } from "./policy.ts";
import { toIterable } from "./to-iterable.ts";

declare const words: ReadableStream<string>;
declare const numbers: ReadableStream<number>;
declare const bytes: ReadableStream<Uint8Array>;

describe("merge()", () => {
  test("joins the types of its sources", () => {
    expectTypeOf(merge([words])).toEqualTypeOf<ReadableStream<string>>();
    expectTypeOf(merge([words, numbers])).toEqualTypeOf<ReadableStream<string | number>>();
    expectTypeOf(merge(new Set([numbers]))).toEqualTypeOf<ReadableStream<number>>();
  });

  test("gives its functions the types of the sources", () => {
    merge([words, numbers], {
      priority: (source, index) => {
        expectTypeOf(source).toEqualTypeOf<ReadableStream<string> | ReadableStream<number>>();
        expectTypeOf(index).toEqualTypeOf<number>();
        return source === words ? 1 : 0;
      },
      writableStrategy: {
        highWaterMark: 4,
        size: (chunk) => {
          expectTypeOf(chunk).toEqualTypeOf<string | number>();
          return 1;
        },
      },
    });
  });

  test("takes streams only, and numbers for priorities", () => {
    // @ts-expect-error an array is no stream
    merge([words, ["a"]]);
    // @ts-expect-error a single stream is no list of streams
    merge(words);
    // @ts-expect-error a priority is a number
    merge([words], { priority: () => "high" });
  });
});

describe("toIterable()", () => {
  test("gives the chunks of the stream", () => {
    expectTypeOf(toIterable(words)).toEqualTypeOf<AsyncIterableIterator<string, undefined>>();
    // @ts-expect-error there is no such option
    toIterable(words, { preventAbort: true });
  });
});

describe("fromEvents()", () => {
  test("gives events, or what the map makes of them", () => {
    expectTypeOf(fromEvents(new EventTarget(), "tick")).toEqualTypeOf<EventStream<Event>>();
    const messages = fromEvents(new MessageChannel().port1, "message", {
      map: (event: MessageEvent<string>) => event.data.length,
      onDrop: (dropped) => expectTypeOf(dropped).toEqualTypeOf<Drop<number>>(),
    });
    expectTypeOf(messages).toEqualTypeOf<EventStream<number>>();
  });

  test("never waits, and measures what it carries", () => {
    // @ts-expect-error events cannot wait
    fromEvents(new EventTarget(), "tick", { overflow: "wait" });
    fromEvents(new EventTarget(), "tick", {
      // @ts-expect-error what is measured are numbers
      map: (event) => event.type,
      size: (chunk: number) => chunk,
    });
  });
});

describe("the adapters for Node", () => {
  test("read bytes unless told otherwise", () => {
    expectTypeOf(fromNodeReadable(createReadStream("a"))).toEqualTypeOf<
      ReadableStream<Uint8Array>
    >();
    expectTypeOf(fromNodeReadable<{ a: 1 }>({} as Readable)).toEqualTypeOf<
      ReadableStream<{ a: 1 }>
    >();
    // @ts-expect-error a writable cannot be read
    fromNodeReadable(createWriteStream("a"));
  });

  test("write strings and bytes unless told otherwise", () => {
    const file = fromNodeWritable(createWriteStream("a"));
    expectTypeOf(file).toEqualTypeOf<WritableStream<NodeChunk>>();
    void words.pipeTo(file);
    void bytes.pipeTo(file);
    const lines = fromNodeWritable<string>(createWriteStream("a"));
    // @ts-expect-error what takes strings takes no numbers
    void numbers.pipeTo(lines);
    // @ts-expect-error a readable cannot be written
    fromNodeWritable(createReadStream("a"));
  });

  test("make stages of duplexes", () => {
    const gzip = fromNodeDuplex(createGzip());
    expectTypeOf(gzip.readable).toEqualTypeOf<ReadableStream<Uint8Array>>();
    expectTypeOf(bytes.pipeThrough(gzip)).toEqualTypeOf<ReadableStream<Uint8Array>>();
    expectTypeOf(words.pipeThrough(fromNodeDuplex<string, string>(connect(1)))).toEqualTypeOf<
      ReadableStream<string>
    >();
  });

  test("make streams of Node", () => {
    expectTypeOf(toNodeReadable(words)).toEqualTypeOf<Readable>();
    const { writable } = map((word: string) => word);
    expectTypeOf(toNodeWritable(writable, { objectMode: true })).toEqualTypeOf<Writable>();
    expectTypeOf(toNodeDuplex({ readable: words, writable })).toEqualTypeOf<Duplex>();
    // @ts-expect-error there is no such encoding
    toNodeReadable(words, { encoding: "utf9" });
  });

  test("carry batches of bytes", () => {
    expectTypeOf(fromStreamIter("a")).toEqualTypeOf<ReadableStream<Uint8Array>>();
    expectTypeOf(fromStreamIter(toStreamIter(bytes))).toEqualTypeOf<ReadableStream<Uint8Array>>();
    expectTypeOf(toStreamIter(words)).toExtend<AsyncIterable<Uint8Array[]>>();
    // @ts-expect-error numbers are no bytes
    toStreamIter(numbers);
    const { writable } = map((chunk: Uint8Array) => chunk);
    expectTypeOf(fromStreamIterWriter(toStreamIterWriter(writable))).toEqualTypeOf<
      WritableStream<NodeChunk>
    >();
  });
});
