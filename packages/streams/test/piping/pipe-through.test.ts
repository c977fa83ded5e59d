import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { pumped } from "../../src/ends.ts";
import { bounded, fromIterable, map, sink } from "../../src/index.ts";
import { readAll } from "../read-all.ts";
import { failure, ORIGINS, outcome, pipe, reasonOf } from "./rig.ts";

type Pair = ReadableWritablePair<unknown, unknown>;

/** Pairs; the platform's own comes first. */
const PAIRS: Record<string, () => Pair> = {
  native: () => new TransformStream<unknown, unknown>(),
  bounded: () => bounded<unknown>(),
  map: () => map((chunk: unknown) => chunk),
};

const routes = Object.keys(ORIGINS)
  .filter((from) => from !== "iterable")
  .flatMap((from) =>
    Object.entries(PAIRS).map(([into, make]) => ({
      name: `${from} → ${into}`,
      origin: ORIGINS[from as keyof typeof ORIGINS],
      make,
      isPumped: from !== "native" && into !== "native",
    })),
  );

describe.each(routes)("pipeThrough(), $name", ({ origin, make, isPumped }) => {
  test("returns the readable it was given, and moves every chunk into it", async () => {
    const { readable, enqueue, close } = origin();
    const pair = make();
    const before = pumped();
    const through = readable.pipeThrough(pair);
    expect(through).toBe(pair.readable);
    expect([readable.locked, pair.writable.locked, through.locked]).toEqual([true, true, false]);
    enqueue(1, 2, 3);
    close();
    expect(await readAll(through.getReader())).toEqual([1, 2, 3]);
    expect(pumped() > before).toBe(isPumped);
  });

  test("takes a writable and a readable that have nothing to do with each other", async () => {
    const { readable, enqueue, close } = origin();
    const { writable } = make();
    const other = new ReadableStream();
    expect(readable.pipeThrough({ readable: other, writable })).toBe(other);
    enqueue(1);
    close();
    await settle();
    expect(other.locked).toBe(false);
  });

  test("does not care that the readable is locked", () => {
    const { readable } = origin();
    const pair = make();
    pair.readable.getReader();
    expect(readable.pipeThrough(pair)).toBe(pair.readable);
  });

  test("hides that the pipe rejected", async () => {
    const { readable, error } = origin();
    const through = readable.pipeThrough(make());
    const reason = failure("source");
    error(reason);
    expect(await reasonOf(through.getReader().read())).toBe(reason);
  });

  test("hands a cancel back to its source", async () => {
    const { readable, cancels } = origin();
    const through = readable.pipeThrough(make());
    const reason = failure("enough");
    await through.cancel(reason);
    await settle();
    expect(cancels).toEqual([reason]);
  });

  test("is ended by its signal", async () => {
    const { readable, cancels } = origin();
    const abort = new AbortController();
    const through = readable.pipeThrough(make(), { signal: abort.signal });
    const reason = failure("abort");
    abort.abort(reason);
    expect(await reasonOf(through.getReader().closed)).toBe(reason);
    await settle();
    expect(cancels).toEqual([reason]);
  });

  test("honours preventClose, preventAbort and preventCancel", async () => {
    const closing = origin();
    const [kept, spared, left] = [make(), make(), make()];
    const rest = closing.readable.pipeThrough(kept, { preventClose: true }).getReader().read();
    closing.close();
    expect(await outcome(rest)).toBe("pending");
    expect(kept.writable.locked).toBe(false);

    const failing = origin();
    failing.readable.pipeThrough(spared, { preventAbort: true });
    failing.error(failure("source"));
    await settle();
    expect(await outcome(spared.writable.getWriter().closed)).toBe("pending");

    const cancelled = origin();
    await cancelled.readable.pipeThrough(left, { preventCancel: true }).cancel();
    await settle();
    expect(cancelled.cancels).toEqual([]);
    expect(cancelled.readable.locked).toBe(false);
  });

  test("throws for a source or a writable that is locked", () => {
    const [source, target] = [origin(), origin()];
    const [free, locked] = [make(), make()];
    source.readable.getReader();
    expect(() => source.readable.pipeThrough(free)).toThrow(TypeError);
    expect(free.writable.locked).toBe(false);
    locked.writable.getWriter();
    expect(() => target.readable.pipeThrough(locked)).toThrow(TypeError);
    expect(target.readable.locked).toBe(false);
  });

  test("throws for a pair that is none", () => {
    const { readable, writable } = make();
    for (const pair of [
      undefined,
      null,
      {},
      { readable },
      { writable },
      { readable, writable: {} },
    ]) {
      const source = origin();
      expect(() => source.readable.pipeThrough(pair as Pair)).toThrow(TypeError);
      expect(source.readable.locked).toBe(false);
    }
    expect(writable.locked).toBe(false);
  });

  test("throws when it is called on what is no stream", () => {
    const pair = make();
    const { pipeThrough } = origin().readable;
    expect(() => Reflect.apply(pipeThrough, {}, [pair])).toThrow(TypeError);
    expect(() => Reflect.apply(pipeThrough, undefined, [pair])).toThrow(TypeError);
    expect(pair.writable.locked).toBe(false);
  });

  test("throws for options and signals that are none", () => {
    for (const options of [1, "options", { signal: null }, { signal: 1 }, { signal: {} }]) {
      const { readable } = origin();
      const pair = make();
      expect(() => readable.pipeThrough(pair, options as StreamPipeOptions)).toThrow(TypeError);
      expect([readable.locked, pair.writable.locked]).toEqual([false, false]);
    }
  });

  test.each(["readable", "writable"])("throws what a getter of %s throws", (name) => {
    const source = origin();
    const error = failure("getter");
    const { readable, writable } = make();
    const pair = {
      readable,
      writable,
      get [name](): never {
        throw error;
      },
    };
    expect(() => source.readable.pipeThrough(pair)).toThrow(error);
    expect(source.readable.locked).toBe(false);
  });

  test.each(["preventAbort", "preventCancel", "preventClose", "signal"])(
    "throws what a getter of %s throws",
    (name) => {
      const { readable } = origin();
      const pair = make();
      const error = failure("getter");
      const options = {
        get [name](): never {
          throw error;
        },
      };
      expect(() => readable.pipeThrough(pair, options)).toThrow(error);
      expect([readable.locked, pair.writable.locked]).toEqual([false, false]);
    },
  );

  test("calls no pipeTo() that someone put in the way", async () => {
    const { readable, enqueue, close } = origin();
    let calls = 0;
    readable.pipeTo = () => {
      calls++;
      return Promise.resolve();
    };
    const through = readable.pipeThrough(make());
    enqueue(1);
    close();
    expect(await readAll(through.getReader())).toEqual([1]);
    expect(calls).toBe(0);
  });
});

// Node reads the writable first.
describe("a pair of pipeThrough() is read as Web IDL says", () => {
  test("readable, then writable; not at all after what is no stream", () => {
    const reads: string[] = [];
    const pair = (readable: unknown): Pair =>
      ({
        get readable() {
          reads.push("readable");
          return readable;
        },
        get writable() {
          reads.push("writable");
          return sink();
        },
      }) as Pair;
    fromIterable([]).pipeThrough(pair(new ReadableStream()));
    expect(reads).toEqual(["readable", "writable"]);
  });
});

// The same chains of the platform's streams and of ours: the same chunks, the same ends.
describe.each([
  ["the platform's", false],
  ["our", true],
])("a chain of %s stages", (_, isOurs) => {
  const stage = <In, Out>(transform: (chunk: In) => Out): ReadableWritablePair<Out, In> =>
    isOurs
      ? map(transform)
      : new TransformStream<In, Out>({
          transform: (chunk, controller) => controller.enqueue(transform(chunk)),
        });
  const drain = <T>(underlying: UnderlyingSink<T>): WritableStream<T> =>
    isOurs ? sink(underlying) : new WritableStream(underlying);
  const numbers = (last: number): ReadableStream<number> => {
    function* generate(): Generator<number> {
      for (let number = 1; number <= last; number++) yield number;
    }
    if (isOurs) return fromIterable(generate());
    const iterator = generate();
    return new ReadableStream({
      pull: (controller) => {
        const { done, value } = iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    });
  };

  test("of a hundred moves everything, in order", async () => {
    let readable = numbers(500);
    for (let length = 0; length < 100; length++) {
      readable = readable.pipeThrough(stage((chunk: number) => chunk + 1));
    }
    const chunks: number[] = [];
    const before = pumped();
    await readable.pipeTo(drain({ write: (chunk) => void chunks.push(chunk) }));
    expect(chunks).toEqual(Array.from({ length: 500 }, (__, index) => index + 101));
    expect(pumped() - before).toBeGreaterThanOrEqual(isOurs ? 101 * 499 : 0);
    expect(pumped() > before).toBe(isOurs);
  });

  test("closes to its end, though the last stage is read late", async () => {
    const through = numbers(2).pipeThrough(stage((chunk: number) => `${chunk}`));
    await settle();
    expect(await readAll(through.getReader())).toEqual(["1", "2"]);
  });

  test("errors to both ends from the middle", async () => {
    const reason = failure("middle");
    const through = numbers(9)
      .pipeThrough(stage((chunk: number) => chunk))
      .pipeThrough(
        stage((chunk: number) => {
          if (chunk === 3) throw reason;
          return chunk;
        }),
      )
      .pipeThrough(stage((chunk: number) => chunk));
    const log: unknown[] = [];
    const piped = pipe(
      through,
      drain({ write: (chunk) => void log.push(chunk), abort: (given) => void log.push(given) }),
    );
    expect(await reasonOf(piped)).toBe(reason);
    expect(log.at(-1)).toBe(reason);
    // What is in a stage's queue may be lost, never what comes out of order.
    expect([1, 2]).toEqual(expect.arrayContaining(log.slice(0, -1)));
  });

  test("cancels to its source from the end", async () => {
    const reason = failure("end");
    let given: unknown;
    const source = isOurs
      ? fromIterable<number>({
          [Symbol.iterator]: () => ({
            next: () => ({ done: false, value: 1 }),
            return: (value) => {
              given = value;
              return { done: true, value: undefined };
            },
          }),
        })
      : new ReadableStream<number>({
          pull: (controller) => controller.enqueue(1),
          cancel: (value) => {
            given = value;
          },
        });
    const piped = pipe(
      source.pipeThrough(stage((chunk: number) => chunk)),
      drain({
        write: () => {
          throw reason;
        },
      }),
    );
    expect(await reasonOf(piped)).toBe(reason);
    await settle();
    expect(given).toBe(reason);
  });
});
