import { describe, expect, test } from "vitest";
import type { ContractPair } from "./contract-pair.ts";
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
];

async function failures(make: () => ContractPair<number>): Promise<string[]> {
  const cases = streamContract(make);
  expect(cases.length).toBeGreaterThan(10);
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
    const found = await Promise.all([failures(native(1)), failures(native(8))]);
    check(found).toEqual([stricter, stricter]);
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
