import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { fromIterable, map, sink } from "../../src/index.ts";
import { ALL_ROUTES, outcome, ROUTES, throughPump, withResolvers } from "./rig.ts";

describe.each(ALL_ROUTES)("pipeTo() keeps the pace of its sink, $name", (route) => {
  test("never writes before the write before it is over", async () => {
    await throughPump(route, async () => {
      const { readable, enqueue, close } = route.origin();
      const drain = route.drain({ isSlow: true });
      const piped = readable.pipeTo(drain.writable);
      enqueue("a", "b", "c");
      close();
      for (const written of [["a"], ["a", "b"], ["a", "b", "c"]]) {
        await settle();
        expect(drain.log).toEqual(written);
        expect(drain.held).toBe(1);
        drain.release();
      }
      await piped;
      expect(drain.log).toEqual(["a", "b", "c", "close"]);
    });
  });

  test("waits for the start of its sink", async () => {
    const started = withResolvers();
    const { readable, enqueue, close } = route.origin();
    const { writable, log } = route.drain({ start: () => started.promise });
    const piped = readable.pipeTo(writable);
    enqueue("a");
    close();
    await settle();
    expect(log).toEqual([]);
    started.resolve();
    await piped;
    expect(log).toEqual(["a", "close"]);
  });

  test("never writes into a sink with a mark of 0, and closes it all the same", async () => {
    const { readable, enqueue, close } = route.origin();
    const { writable, log } = route.drain({ highWaterMark: 0 });
    const piped = readable.pipeTo(writable);
    if (route.from === "end" || route.from === "native") {
      enqueue("never asked for");
      expect(await outcome(piped)).toBe("pending");
      expect(log).toEqual([]);
      return;
    }
    expect(await outcome(piped)).toBe("pending");
    close();
    // A source that tells of its end when it is asked is never asked.
    expect(await outcome(piped)).toBe(route.from === "iterable" ? "pending" : "fulfilled");
    expect(log).toEqual(route.from === "iterable" ? [] : ["close"]);
  });

  test("starts without being asked twice when chunks come later", async () => {
    const { readable, enqueue, close } = route.origin();
    const { writable, log } = route.drain();
    const piped = readable.pipeTo(writable);
    await settle();
    for (const chunk of ["a", "b", "c"]) {
      enqueue(chunk);
      await settle();
      expect(log.at(-1)).toBe(chunk);
    }
    close();
    await piped;
    expect(log).toEqual(["a", "b", "c", "close"]);
  });
});

describe.each(ROUTES)("pipeTo() and what is queued, $name", (route) => {
  test("writes behind what was written before it", async () => {
    await throughPump(route, async () => {
      const { readable, enqueue, close } = route.origin();
      const drain = route.drain({ isSlow: true, highWaterMark: 3 });
      const writer = drain.writable.getWriter();
      const earlier = [writer.write("a"), writer.write("b")];
      writer.releaseLock();
      const piped = readable.pipeTo(drain.writable);
      enqueue("c", "d");
      for (let left = 4; left > 0; left--) {
        await settle();
        expect(drain.held).toBe(1);
        drain.release();
      }
      await settle();
      close();
      await Promise.all([...earlier, piped]);
      expect(drain.log).toEqual(["a", "b", "c", "d", "close"]);
    });
  });
});

interface Strategy {
  readonly name: string;
  readonly highWaterMark: number;
  readonly size?: (chunk: number) => number;
}

/** The chunks 1, 2, 3 … as the platform and as we make a stream of them, with the count of those. */
function numbers(
  isOurs: boolean,
  last: number,
): { readable: ReadableStream<number>; made(): number } {
  let made = 0;
  const iterator = {
    next: (): IteratorResult<number> => {
      if (made === last) return { done: true, value: undefined };
      return { done: false, value: ++made };
    },
  };
  const readable = isOurs
    ? fromIterable<number>({ [Symbol.iterator]: () => iterator })
    : new ReadableStream<number>(
        {
          pull: (controller) => {
            const { done, value } = iterator.next();
            if (done) controller.close();
            else controller.enqueue(value);
          },
        },
        { highWaterMark: 0 },
      );
  return { readable, made: () => made };
}

const strategies: readonly Strategy[] = [
  { name: "a mark of 0", highWaterMark: 0 },
  { name: "a mark of 0.5", highWaterMark: 0.5 },
  { name: "a mark of 1", highWaterMark: 1 },
  { name: "a mark of 4", highWaterMark: 4 },
  { name: "a mark without end", highWaterMark: Infinity },
  { name: "sizes that grow", highWaterMark: 10, size: (chunk) => chunk },
  { name: "sizes of 0 among others", highWaterMark: 4, size: (chunk) => chunk % 3 },
  { name: "sizes that are fractions", highWaterMark: 1, size: () => 0.3 },
  { name: "a chunk larger than the mark", highWaterMark: 2, size: () => 100 },
];

const stages = {
  none: (readable: ReadableStream<number>) => readable,
  "one stage": (readable: ReadableStream<number>, isOurs: boolean) =>
    readable.pipeThrough(isOurs ? map((chunk: number) => chunk) : new TransformStream()),
  "three stages": (readable: ReadableStream<number>, isOurs: boolean) => {
    for (let stage = 0; stage < 3; stage++) readable = stages["one stage"](readable, isOurs);
    return readable;
  },
  "a stage with marks": (readable: ReadableStream<number>, isOurs: boolean) => {
    const [input, output] = [{ highWaterMark: 3 }, { highWaterMark: 2 }];
    return readable.pipeThrough(
      isOurs
        ? map((chunk: number) => chunk, { writableStrategy: input, readableStrategy: output })
        : new TransformStream<number, number>(undefined, input, output),
    );
  },
  "an async stage": (readable: ReadableStream<number>, isOurs: boolean) =>
    readable.pipeThrough(
      isOurs
        ? map(async (chunk: number) => chunk)
        : new TransformStream<number, number>({
            transform: async (chunk, controller) => controller.enqueue(chunk),
          }),
    ),
};

const cases = strategies.flatMap((strategy) =>
  Object.entries(stages).map(([through, pipe]) => ({
    name: strategy.name,
    strategy,
    through,
    pipe,
  })),
);

// The reference is the platform's own pipe, step by step.
describe("what a pipe takes ahead is what the platform's takes", () => {
  test.each(cases)(
    "with $name, through $through",
    async ({ strategy: { highWaterMark, size }, pipe }) => {
      const runs = [false, true].map((isOurs) => {
        const source = numbers(isOurs, 12);
        const held: (() => void)[] = [];
        const written: number[] = [];
        const underlying: UnderlyingSink<number> = {
          write: (chunk) => {
            written.push(chunk);
            const { promise, resolve } = withResolvers();
            held.push(resolve);
            return promise;
          },
        };
        const strategy = { highWaterMark, ...(size && { size }) };
        const drain = isOurs
          ? sink(underlying, strategy)
          : new WritableStream(underlying, strategy);
        const piped = pipe(source.readable, isOurs).pipeTo(drain);
        return { source, held, written, piped };
      });
      for (let step = 0; step < 14; step++) {
        await settle();
        const [reference, ours] = runs.map(({ source, held, written }) => {
          held.shift()?.();
          return { made: source.made(), written: [...written] };
        });
        expect(ours).toEqual(reference);
      }
      const [reference, ours] = await Promise.all(runs.map(({ piped }) => outcome(piped)));
      expect(ours).toBe(reference);
      expect(ours).toBe(highWaterMark === 0 ? "pending" : "fulfilled");
    },
  );

  test("while its sink starts, and while earlier writes wait", async () => {
    const runs = [false, true].map((isOurs) => {
      const source = numbers(isOurs, 12);
      const started = withResolvers();
      const { promise } = withResolvers();
      const underlying = { start: () => started.promise, write: () => promise };
      const strategy = { highWaterMark: 4 };
      const drain = isOurs ? sink(underlying, strategy) : new WritableStream(underlying, strategy);
      const writer = drain.getWriter();
      void writer.write(0);
      writer.releaseLock();
      void source.readable.pipeTo(drain as WritableStream<number>);
      return { source, started };
    });
    for (let step = 0; step < 2; step++) {
      await settle();
      const [reference, ours] = runs.map(({ source }) => source.made());
      expect(ours).toBe(reference);
      expect(ours).toBe(3);
      for (const { started } of runs) started.resolve();
    }
  });
});
