import { describe, expectTypeOf, test } from "vitest";
import {
  type Bounded,
  bounded,
  BoundedQueue,
  conflate,
  type Drop,
  type DropReason,
  type Entry,
  keyframes,
  type OverflowPolicy,
  type QueueStats,
} from "./index.ts";

interface Reading {
  readonly sensor: string;
  readonly value: number;
}

describe("bounded()", () => {
  test("takes the type of its chunks from the type argument", () => {
    const stage = bounded<Reading>();
    expectTypeOf(stage).toEqualTypeOf<Bounded<Reading>>();
    expectTypeOf(stage.readable).toEqualTypeOf<ReadableStream<Reading>>();
    expectTypeOf(stage.writable).toEqualTypeOf<WritableStream<Reading>>();
    expectTypeOf(stage.stats()).toEqualTypeOf<QueueStats>();
  });

  test("takes the type of its chunks from the options", () => {
    expectTypeOf(bounded({ size: (chunk: string) => chunk.length })).toEqualTypeOf<
      Bounded<string>
    >();
    expectTypeOf(
      bounded({ overflow: conflate({ key: (chunk: Reading) => chunk.sensor }) }),
    ).toEqualTypeOf<Bounded<Reading>>();
  });

  test("fits into a pipe", () => {
    const source = new ReadableStream<Reading>();
    expectTypeOf(source.pipeThrough(bounded<Reading>())).toEqualTypeOf<ReadableStream<Reading>>();
    // @ts-expect-error a stage for numbers takes no readings
    source.pipeThrough(bounded<number>());
  });

  test("gives the policies' functions the chunk's type", () => {
    bounded<Reading>({
      size: (chunk) => {
        expectTypeOf(chunk).toEqualTypeOf<Reading>();
        return 1;
      },
      onDrop: (dropped, reason) => {
        expectTypeOf(dropped).toEqualTypeOf<Drop<Reading>>();
        expectTypeOf(reason).toEqualTypeOf<DropReason>();
      },
      overflow: conflate({
        key: (chunk) => chunk.sensor,
        merge: (waiting, incoming) => {
          expectTypeOf(waiting).toEqualTypeOf<Reading>();
          return incoming;
        },
      }),
    });
    bounded<Reading>({ overflow: keyframes({ isKey: (chunk) => chunk.value === 0 }) });
  });

  test("takes policies for wider chunks, not for others", () => {
    const any: OverflowPolicy<unknown> = { name: "any", start: () => ({ admit: () => "queue" }) };
    bounded<Reading>({ overflow: any });
    const pictures = keyframes({ isKey: (chunk: EncodedVideoChunk) => chunk.type === "key" });
    // @ts-expect-error a policy for video does not know readings
    bounded<Reading>({ overflow: pictures });
  });

  test("lets undefined stand for the default", () => {
    bounded({ highWaterMark: undefined, overflow: undefined, size: undefined, onDrop: undefined });
  });

  test("refuses what would go wrong", () => {
    // @ts-expect-error not a word it knows
    bounded({ overflow: "drop" });
    // @ts-expect-error the bound has one name, highWaterMark
    bounded({ maxSize: 10 });
    // @ts-expect-error a size is a number, or nothing could be added up
    bounded({ size: (chunk: string) => chunk });
    // @ts-expect-error what is merged has to be a chunk
    conflate({ key: (chunk: Reading) => chunk.sensor, merge: () => 1 });
    // @ts-expect-error without isKey no picture can be told from another
    keyframes({});
    // @ts-expect-error counters are read, not written
    bounded().stats().offered = 0;
  });
});

describe("BoundedQueue", () => {
  test("hands out entries, or undefined", () => {
    const queue = new BoundedQueue<Reading>();
    expectTypeOf(queue.shift()).toEqualTypeOf<Entry<Reading> | undefined>();
    const reading = { sensor: "a", value: 1 };
    expectTypeOf(queue.offer(reading)).toEqualTypeOf<"queue" | "wait" | "refused" | "merged">();
  });

  test("knows the reasons, and takes other words", () => {
    expectTypeOf<"oldest">().toExtend<DropReason>();
    expectTypeOf<"too dark">().toExtend<DropReason>();
    expectTypeOf<number>().not.toExtend<DropReason>();
  });
});
