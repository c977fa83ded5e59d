import { describe, expect, test } from "vitest";
import type { ContractPair } from "./contract-pair.ts";
import { scriptedSink } from "./scripted-sink.ts";
import { settle } from "./settle.ts";
import { streamContract } from "./stream-contract.ts";

/** A small lossless pair; each fault takes one promise of the contract away. */
type Fault =
  | "swaps chunks"
  | "loses a chunk"
  | "repeats a chunk"
  | "takes without bound"
  | "keeps the reader waiting at close"
  | "drops the queue at close"
  | "keeps abort to itself"
  | "wraps the reason of abort"
  | "keeps cancel to itself"
  | "leaves a held write pending at cancel"
  | "leaves a held write pending at abort"
  | "never frees the producer";

function makePair(fault?: Fault): ContractPair<number> {
  const limit = fault === "takes without bound" ? Infinity : 4;
  const queue: number[] = [];
  let room:
    | { readonly resolve: () => void; readonly reject: (reason: unknown) => void }
    | undefined;
  let source: ReadableStreamDefaultController<number> | undefined;
  let sink: WritableStreamDefaultController | undefined;
  let onChunk: (() => void) | undefined;
  let swapped: number | undefined;
  let ending = false;

  const put = (chunk: number): void => {
    if (fault === "loses a chunk" && chunk === 1) return;
    if (fault === "repeats a chunk" && chunk === 1) queue.push(chunk);
    if (fault === "swaps chunks" && chunk === 0) {
      swapped = chunk;
      return;
    }
    queue.push(chunk);
    if (swapped !== undefined) queue.push(swapped);
    swapped = undefined;
    onChunk?.();
  };
  const finish = (): void => {
    if (fault === "keeps the reader waiting at close") return;
    if (ending && queue.length === 0) source?.close();
  };
  const readable = new ReadableStream<number>(
    {
      start: (controller) => {
        source = controller;
      },
      pull: async (controller) => {
        if (queue.length === 0) await new Promise<void>((resolve) => (onChunk = resolve));
        for (const chunk of queue.splice(0, 1)) controller.enqueue(chunk);
        if (fault !== "never frees the producer") room?.resolve();
        finish();
      },
      cancel: (reason) => {
        if (fault === "keeps cancel to itself") return;
        sink?.error(reason);
        if (fault !== "leaves a held write pending at cancel") room?.reject(reason);
      },
    },
    { highWaterMark: 0 },
  );
  const writable = new WritableStream<number>(
    {
      start: (controller) => {
        sink = controller;
        controller.signal.addEventListener("abort", () => {
          if (fault === "leaves a held write pending at abort") return;
          room?.reject(controller.signal.reason);
        });
      },
      write: async (chunk) => {
        put(chunk);
        if (queue.length < limit) return;
        await new Promise<void>((resolve, reject) => {
          room = { resolve, reject };
        });
      },
      close: () => {
        ending = true;
        if (fault === "drops the queue at close") source?.error(new Error("gone"));
        else finish();
      },
      abort: (reason) => {
        if (fault === "keeps abort to itself") return;
        source?.error(fault === "wraps the reason of abort" ? new Error("aborted") : reason);
      },
    },
    { highWaterMark: 1 },
  );
  return { readable, writable, chunk: (index) => index };
}

const FAULTS: readonly (readonly [Fault, string])[] = [
  ["swaps chunks", "delivers every chunk in order"],
  ["loses a chunk", "delivers every chunk in order"],
  ["loses a chunk", "passes a pipe through and closes its sink"],
  ["repeats a chunk", "delivers every chunk in order"],
  ["takes without bound", "bounds what is pulled while nobody reads"],
  ["takes without bound", "holds the producer until the consumer reads"],
  ["never frees the producer", "holds the producer until the consumer reads"],
  ["drops the queue at close", "delivers what is queued, then closes"],
  ["keeps the reader waiting at close", "ends a waiting read when it closes"],
  ["keeps abort to itself", "errors the readable when the writable is aborted"],
  ["keeps abort to itself", "carries an error of the source to the consumer"],
  ["wraps the reason of abort", "errors the readable when the writable is aborted"],
  ["leaves a held write pending at abort", "settles a held write when the writable is aborted"],
  ["keeps cancel to itself", "errors the writable when the readable is cancelled"],
  ["keeps cancel to itself", "carries a cancel to the source"],
  ["keeps cancel to itself", "carries an error of the sink to the source"],
  ["leaves a held write pending at cancel", "settles a held write when the readable is cancelled"],
  ["takes without bound", "holds the source while its sink stalls"],
  ["keeps abort to itself", "carries an error of the source to the sink"],
  ["keeps cancel to itself", "carries a refusal of the first chunk to the source"],
  ["drops the queue at close", "closes its sink when nothing came"],
];

/** What a pipe of the pair's own library can get wrong. */
type PipeFault =
  | "locks nothing"
  | "keeps its locks"
  | "closes in spite of all"
  | "aborts in spite of all"
  | "cancels in spite of all"
  | "heeds no signal";

function faultyPipe<T>(source: ReadableStream<T>, fault: PipeFault): ReadableStream<T> {
  const pipeTo = async (
    destination: WritableStream<T>,
    options: StreamPipeOptions = {},
  ): Promise<void> => {
    if (fault === "locks nothing") await settle();
    const wrong: StreamPipeOptions = { ...options };
    if (fault === "heeds no signal") delete wrong.signal;
    if (fault === "closes in spite of all") wrong.preventClose = false;
    if (fault === "aborts in spite of all") wrong.preventAbort = false;
    if (fault === "cancels in spite of all") wrong.preventCancel = false;
    await ReadableStream.prototype.pipeTo.call(source, destination, wrong);
    if (fault === "keeps its locks") source.getReader();
  };
  return Object.assign(source, { pipeTo });
}

const PIPE_FAULTS: readonly (readonly [PipeFault, string])[] = [
  ["locks nothing", "locks both ends of a pipe, and lets go of them"],
  ["keeps its locks", "locks both ends of a pipe, and lets go of them"],
  ["closes in spite of all", "leaves the writable open when close is prevented"],
  ["aborts in spite of all", "leaves the writable open when abort is prevented"],
  ["cancels in spite of all", "leaves the source open when cancel is prevented"],
  ["heeds no signal", "ends both sides of a pipe with its signal"],
  ["heeds no signal", "ends both sides of a pipe whose signal is aborted already"],
];

async function failures(
  make: () => ContractPair<number>,
  via?: "direct" | "foreign",
): Promise<string[]> {
  const cases = streamContract(make, { via });
  expect(cases.length).toBeGreaterThan(5);
  const results = await Promise.allSettled(cases.map(({ run }) => run()));
  return cases.filter((_, index) => results[index]?.status === "rejected").map(({ name }) => name);
}

describe("streamContract()", () => {
  test("gives every case a name of its own", () => {
    const names = streamContract(makePair).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  for (const { name, run } of streamContract(() => makePair())) {
    test(`passes a pair that ${name}`, run);
  }

  for (const { name, run } of streamContract(() => makePair(), { via: "foreign" })) {
    test(`passes a pair behind foreign streams that ${name}`, run);
  }

  test("pipes into what wraps the sink", async () => {
    const wrapSink = (): WritableStream<number> =>
      scriptedSink<number>([{ error: "refused" }]).writable;
    const found = await failures(() => ({ ...makePair(), wrapSink }));
    expect(found).toContain("passes a pipe through and closes its sink");
    expect(found).not.toContain("delivers every chunk in order");
  });

  test("refuses another way to pipe", () => {
    const via = "native" as "foreign";
    expect(() => streamContract(() => makePair(), { via })).toThrow(RangeError);
  });

  test("compares what changed on its way with `equals`", async () => {
    const make = (): ContractPair<number, string> => {
      const { readable, writable } = new TransformStream<number, string>({
        transform: (chunk, controller) => controller.enqueue(`#${chunk}`),
      });
      const equals = (received: string, sent: number): boolean => received === `#${sent}`;
      return { readable, writable, chunk: (index) => index, equals };
    };
    const inOrder = streamContract(make).find(({ name }) => name.includes("in order"));
    await inOrder?.run();
    expect(inOrder).toBeDefined();
  });

  test("holds a pair to the mark it names", async () => {
    const tight = (): ContractPair<number> => ({ ...makePair(), maxHeldChunks: 2 });
    expect(await failures(tight)).toContain("bounds what is pulled while nobody reads");
  });

  test.concurrent("asks more than a native TransformStream, in one case", async ({
    expect: check,
  }) => {
    const native = (highWaterMark: number) => (): ContractPair<number> => {
      const strategy = { highWaterMark };
      const { readable, writable } = new TransformStream<number, number>({}, strategy, strategy);
      return { readable, writable, chunk: (index) => index };
    };
    // By the standard, abort waits for the write in flight, and that for a reader.
    const stricter = ["settles a held write when the writable is aborted"];
    // A mark of 1 meets https://github.com/nodejs/node/issues/62036 on Node 20.
    const found = await Promise.all([failures(native(2)), failures(native(8))]);
    check(found).toEqual([stricter, stricter]);
  });

  test.concurrent("finds out what a library's own pipe gets wrong, one case each", async ({
    expect: check,
  }) => {
    const faults = [...new Set(PIPE_FAULTS.map(([fault]) => fault))];
    const found = await Promise.all(
      faults.map((fault) => {
        const wrapSource = (source: ReadableStream<number>): ReadableStream<number> =>
          faultyPipe(source, fault);
        return failures(() => ({ ...makePair(), wrapSource }));
      }),
    );
    const pairs = faults.flatMap((fault, index) => found[index]?.map((name) => [fault, name]));
    check(pairs).toEqual(PIPE_FAULTS);
  });

  test.concurrent("keeps a library's own pipe out of the foreign way", async ({
    expect: check,
  }) => {
    const wrapSource = (source: ReadableStream<number>): ReadableStream<number> =>
      Object.assign(source, { pipeTo: () => Promise.reject(new Error("joined directly")) });
    const make = (): ContractPair<number> => ({ ...makePair(), wrapSource });
    check(await failures(make, "foreign")).toEqual([]);
    check(await failures(make)).toContain("passes a pipe through and closes its sink");
  });

  test.concurrent("finds out every fault", async ({ expect: check }) => {
    const missed = await Promise.all(
      FAULTS.map(async ([fault, name]) => {
        const found = streamContract(() => makePair(fault)).find((entry) => entry.name === name);
        check(found, name).toBeDefined();
        const [result] = await Promise.allSettled([found?.run()]);
        return result?.status === "rejected" ? [] : [`${fault}: ${name}`];
      }),
    );
    check(missed.flat()).toEqual([]);
  });
});
