import { describe, expect, test } from "vitest";
import { scriptedSource, type ScriptedSource } from "./scripted-source.ts";
import { sourceContract, type ContractSource } from "./source-contract.ts";

type Fault =
  | "swaps chunks"
  | "loses a chunk"
  | "repeats a chunk"
  | "works ahead without bound"
  | "drops what it holds at close"
  | "keeps the reader waiting at close"
  | "wraps the reason of an error"
  | "closes on an error"
  | "keeps a cancel to itself"
  | "wraps the reason of a cancel"
  | "keeps a cancel pending";

function* numbers(): Generator<number> {
  for (let number = 0; ; number += 1) yield number;
}

/** A readable that holds one chunk ahead; each fault takes one promise of the contract away. */
function makeSource(fault?: Fault): ContractSource<number> {
  const origin = scriptedSource([{ chunks: numbers() }]);
  const reader = origin.readable.getReader();
  const give = async (controller: ReadableStreamDefaultController<number>): Promise<void> => {
    const { done, value } = await reader.read();
    if (!done) {
      if (fault === "swaps chunks" && value === 0) {
        await give(controller);
        controller.enqueue(value);
      } else if (fault !== "loses a chunk" || value !== 1) controller.enqueue(value);
      else await give(controller);
      if (fault === "repeats a chunk" && value === 1) controller.enqueue(value);
    } else if (fault === "drops what it holds at close") controller.error(new Error("gone"));
    else if (fault !== "keeps the reader waiting at close") controller.close();
  };
  const readable = new ReadableStream<number>(
    {
      pull: async (controller) => {
        try {
          await give(controller);
        } catch (error) {
          if (fault === "closes on an error") controller.close();
          else if (fault === "wraps the reason of an error") controller.error(new Error("broken"));
          else throw error;
        }
      },
      cancel: async (reason) => {
        if (fault === "keeps a cancel to itself") return;
        await reader.cancel(fault === "wraps the reason of a cancel" ? new Error("left") : reason);
        if (fault === "keeps a cancel pending") await new Promise(() => {});
      },
    },
    { highWaterMark: fault === "works ahead without bound" ? 50 : 1 },
  );
  return { readable, origin, maxHeldChunks: 1 };
}

const FAULTS: readonly (readonly [Fault, string])[] = [
  ["swaps chunks", "gives every chunk in order"],
  ["swaps chunks", "gives to reads that were waiting"],
  ["loses a chunk", "gives every chunk in order"],
  ["loses a chunk", "hands its lock on"],
  ["loses a chunk", "ends when an iteration is left"],
  ["repeats a chunk", "gives every chunk in order"],
  ["works ahead without bound", "asks for more only when it is read"],
  ["works ahead without bound", "waits for the sink of a pipe"],
  ["drops what it holds at close", "gives what it holds, then closes"],
  ["keeps the reader waiting at close", "gives what it holds, then closes"],
  ["wraps the reason of an error", "errors with the reason of what is behind"],
  ["closes on an error", "errors with the reason of what is behind"],
  ["keeps a cancel to itself", "carries a cancel to what is behind"],
  ["keeps a cancel to itself", "carries a cancel when nothing was read"],
  ["keeps a cancel to itself", "carries an error of the sink of a pipe"],
  ["wraps the reason of a cancel", "carries a cancel to what is behind"],
  ["wraps the reason of a cancel", "carries an error of the sink of a pipe"],
  ["keeps a cancel pending", "settles waiting reads when it is cancelled"],
];

describe("sourceContract()", () => {
  test("gives every case a name of its own", () => {
    const names = sourceContract(() => makeSource()).map(({ name }) => name);
    expect(names.length).toBeGreaterThan(10);
    expect(new Set(names).size).toBe(names.length);
  });

  for (const { name, run } of sourceContract(() => makeSource())) {
    test(`passes a source that ${name}`, run);
  }

  describe.each<[string, (origin: ScriptedSource<number>) => ReadableStream<number>, number]>([
    ["a native stream", ({ readable }) => readable, 0],
    ["a native pipe", ({ readable }) => readable.pipeThrough(new TransformStream()), 2],
  ])("passes %s", (_name, wrap, maxHeldChunks) => {
    const make = (): ContractSource<number> => {
      const origin = scriptedSource([{ chunks: numbers() }]);
      return { readable: wrap(origin), origin, maxHeldChunks };
    };
    for (const { name, run } of sourceContract(make)) test(name, run);
  });

  test("compares what changed on its way with `equals`", async () => {
    const make = (): ContractSource<number, string> => {
      const origin = scriptedSource([{ chunks: numbers() }]);
      const readable = origin.readable.pipeThrough(
        new TransformStream<number, string>({
          transform: (chunk, controller) => controller.enqueue(`#${chunk}`),
        }),
      );
      return { readable, origin, equals: (received, sent) => received === `#${sent}` };
    };
    const [first] = sourceContract(make);
    await first?.run();
    const wrong = sourceContract(() => ({ ...make(), equals: Object.is }))[0];
    await expect(wrong?.run()).rejects.toThrow("Cannot keep the order");
  });

  test.concurrent("finds out every fault", async ({ expect: check }) => {
    const missed = await Promise.all(
      FAULTS.map(async ([fault, name]) => {
        const found = sourceContract(() => makeSource(fault)).find((entry) => entry.name === name);
        check(found, name).toBeDefined();
        const [result] = await Promise.allSettled([found?.run()]);
        return result?.status === "rejected" ? [] : [`${fault}: ${name}`];
      }),
    );
    check(missed.flat()).toEqual([]);
  });
});
