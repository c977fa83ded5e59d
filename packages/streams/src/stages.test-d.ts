import { describe, expectTypeOf, test } from "vitest";
import { batch } from "./batch.ts";
import { expire, type Expire, type ExpireStats } from "./expire.ts";
import { filter } from "./filter.ts";
import { fromIterable } from "./from-iterable.ts";
import type { Stage } from "./internal/stage.ts";
import { map } from "./map.ts";
import { meter, type Meter, type MeterStats } from "./meter.ts";
import type { Drop, DropReason } from "./policy.ts";
import type { QueueStats } from "./queue-options.ts";
import { sample, type Sample } from "./sample.ts";
import { sink } from "./sink.ts";
import { tap } from "./tap.ts";
import { throttle } from "./throttle.ts";
import { unbatch } from "./unbatch.ts";

interface Reading {
  readonly sensor: string;
  readonly value: number | undefined;
  readonly at: number;
}

declare const readings: ReadableStream<Reading>;
declare const isString: (chunk: unknown) => chunk is string;

describe("stages", () => {
  test("infer their chunks from the stream before", () => {
    const lines = readings
      .pipeThrough(filter((reading) => reading.value !== undefined && reading.sensor !== ""))
      .pipeThrough(map((reading) => `${reading.sensor}: ${reading.value}`))
      .pipeThrough(batch({ maxBytes: 1000, maxDelayMs: 20, size: (line) => line.length }));
    expectTypeOf(lines).toEqualTypeOf<ReadableStream<readonly string[]>>();

    const fresh = readings
      .pipeThrough(expire({ maxAgeMs: 100, timeOf: (reading) => reading.at }))
      .pipeThrough(sample({ everyMs: 100, onDrop: (drop) => drop.chunk.sensor }))
      .pipeThrough(meter({ timeOf: (reading) => reading.at }));
    expectTypeOf(fresh).toEqualTypeOf<ReadableStream<Reading>>();

    const words = fromIterable(["a b", "c"])
      .pipeThrough(map((line) => line.split(" ")))
      .pipeThrough(unbatch())
      .pipeThrough(throttle({ perSecond: 10, unit: "bytes" }));
    expectTypeOf(words).toEqualTypeOf<ReadableStream<string>>();

    const values = fromIterable([1, undefined])
      .pipeThrough(filter((value) => value !== undefined))
      .pipeThrough(tap((value) => value.toFixed()))
      .pipeThrough(batch());
    expectTypeOf(values).toEqualTypeOf<ReadableStream<readonly number[]>>();
    void values.pipeTo(sink({ write: (batched) => void batched[0]?.toFixed() }));
  });

  test("narrow by a type guard, and by nothing else", () => {
    expectTypeOf(filter(isString)).toEqualTypeOf<Stage<unknown, string>>();
    expectTypeOf(filter((chunk: number) => chunk > 1)).toEqualTypeOf<Stage<number, number>>();
    expectTypeOf(filter(async (chunk: number) => chunk > 1)).toEqualTypeOf<Stage<number, number>>();
  });

  test("unwrap promises of results", () => {
    expectTypeOf(map(async (chunk: string) => chunk.length)).toEqualTypeOf<Stage<string, number>>();
    expectTypeOf(fromIterable([Promise.resolve(1), 2])).toEqualTypeOf<ReadableStream<number>>();
  });

  test("show their counters", () => {
    expectTypeOf(sample<Reading>({ everyMs: 1 })).toEqualTypeOf<Sample<Reading>>();
    expectTypeOf(expire<Reading>({ maxAgeMs: 1 })).toEqualTypeOf<Expire<Reading>>();
    expectTypeOf(meter<Reading>()).toEqualTypeOf<Meter<Reading>>();
    expectTypeOf(sample<Reading>({ everyMs: 1 }).stats()).toEqualTypeOf<QueueStats>();
    expectTypeOf(expire<Reading>({ maxAgeMs: 1 }).stats()).toEqualTypeOf<ExpireStats>();
    expectTypeOf(meter().stats()).toEqualTypeOf<MeterStats>();
    expectTypeOf(meter().stats().ageMs?.p99).toEqualTypeOf<number | undefined>();
    expire<Reading>({
      maxAgeMs: 1,
      onDrop: (drop, reason) => {
        expectTypeOf(drop).toEqualTypeOf<Drop<Reading>>();
        expectTypeOf(reason).toEqualTypeOf<DropReason>();
      },
    });
  });

  test("let undefined stand for the default", () => {
    map(String, { concurrency: undefined, readableStrategy: undefined });
    batch({ maxCount: undefined, maxBytes: undefined, maxDelayMs: undefined, size: undefined });
    throttle({ perSecond: 1, burst: undefined, unit: undefined, size: undefined, now: undefined });
    sample({ everyMs: 1, onDrop: undefined, now: undefined, writableStrategy: undefined });
    meter({ windowMs: undefined, size: undefined, timeOf: undefined, now: undefined });
    expire({ maxAgeMs: 1, timeOf: undefined, onDrop: undefined, now: undefined });
  });

  test("refuse what would go wrong", () => {
    // @ts-expect-error a number cannot be split
    fromIterable([1]).pipeThrough(map((chunk) => chunk.split(" ")));
    // @ts-expect-error an answer is yes or no, not a length
    filter((chunk: string) => chunk.length);
    // @ts-expect-error there are no items in a number
    fromIterable([1]).pipeThrough(unbatch());
    // @ts-expect-error a stage that changes nothing does not change the type either
    const wrong: Stage<string, number> = tap<string>(() => {});
    void wrong;
    const batches = fromIterable([1]).pipeThrough(batch());
    // @ts-expect-error a batch belongs to all who see it
    batches.pipeThrough(tap((numbers) => numbers.push(1)));
    // @ts-expect-error a rate has no default
    throttle({ burst: 1 });
    // @ts-expect-error a second is the one unit of time here
    throttle({ perMinute: 1 });
    // @ts-expect-error frames are not counted
    throttle({ perSecond: 1, unit: "frames" });
    // @ts-expect-error a period has no default
    sample({});
    // @ts-expect-error a sample never waits, so there is no concurrency
    sample({ everyMs: 1, concurrency: 2 });
    // @ts-expect-error an age has no default
    expire({ timeOf: (reading: Reading) => reading.at });
    // @ts-expect-error a time is a number, or no age could be told
    expire({ maxAgeMs: 1, timeOf: (reading: Reading) => new Date(reading.at) });
    // @ts-expect-error a sensor is not a size
    meter({ size: (reading: Reading) => reading.sensor });
    // @ts-expect-error counters are read, not written
    meter().stats().chunks = 0;
    // @ts-expect-error it takes options, not a bare number
    batch(10);
  });
});
