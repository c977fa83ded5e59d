import { describe, expect, test } from "vitest";
import { scriptedSink } from "./scripted-sink.ts";
import { sinkContract, type ContractSink } from "./sink-contract.ts";

type Fault =
  | "swaps chunks"
  | "loses a chunk"
  | "repeats a chunk"
  | "takes without bound"
  | "closes ahead of what it holds"
  | "never closes what is behind"
  | "keeps an abort to itself"
  | "wraps the reason of an abort"
  | "leaves a held write pending at abort"
  | "keeps an error to itself"
  | "wraps the reason of an error";

/** A writable that forwards; each fault takes one promise of the contract away. */
function makeSink(fault?: Fault): ContractSink<number> {
  const target = scriptedSink<number>([], {
    whenAborted: fault === "leaves a held write pending at abort" ? "go-on" : "reject",
  });
  const writer = target.writable.getWriter();
  let [swapped, written]: [number | undefined, Promise<void>] = [undefined, Promise.resolve()];
  const put = (chunk: number): Promise<void> => {
    written = writer.write(chunk);
    written.catch(() => {});
    return written;
  };
  const writable = new WritableStream<number>(
    {
      start: (controller) => {
        writer.closed.catch((error: unknown) => {
          if (fault === "keeps an error to itself") return;
          controller.error(fault === "wraps the reason of an error" ? new Error("broken") : error);
        });
        // The write in flight is settled by the target, which has to hear of the abort for that.
        const { signal } = controller;
        signal.addEventListener("abort", () => {
          if (fault === "keeps an abort to itself") return;
          const wraps = fault === "wraps the reason of an abort";
          writer.abort(wraps ? new Error("gone") : signal.reason).catch(() => {});
        });
      },
      write: async (chunk) => {
        if (fault === "loses a chunk" && chunk === 1) return;
        if (fault === "repeats a chunk" && chunk === 1) void put(chunk);
        if (fault === "swaps chunks" && chunk === 0) {
          swapped = chunk;
          return;
        }
        const taken = put(chunk);
        if (swapped !== undefined) void put(swapped);
        swapped = undefined;
        if (fault !== "takes without bound") await taken;
      },
      close: async () => {
        if (swapped !== undefined) void put(swapped);
        if (fault === "never closes what is behind") return;
        await writer.close();
      },
    },
    { highWaterMark: 1 },
  );
  if (fault === "closes ahead of what it holds") closeAtOnce(writable);
  return { writable, target, chunk: (index) => index, maxHeldChunks: 1 };
}

/** As only a writer of its own can: a native one closes behind the write in flight. */
function closeAtOnce(writable: WritableStream<number>): void {
  const getWriter = (): WritableStreamDefaultWriter<number> => {
    const writer = WritableStream.prototype.getWriter.call(writable);
    const { close } = writer;
    return Object.assign(writer, { close: async () => void close.call(writer) });
  };
  Object.assign(writable, { getWriter });
}

const FAULTS: readonly (readonly [Fault, string])[] = [
  ["swaps chunks", "takes every chunk in order"],
  ["loses a chunk", "takes every chunk in order"],
  ["loses a chunk", "hands its lock on"],
  ["repeats a chunk", "takes every chunk in order"],
  ["repeats a chunk", "takes a pipe and closes"],
  ["takes without bound", "holds the producer while what is behind stalls"],
  ["takes without bound", "holds the source of a pipe"],
  ["closes ahead of what it holds", "closes behind what it holds"],
  ["never closes what is behind", "closes behind what it holds"],
  ["never closes what is behind", "takes a pipe and closes"],
  ["keeps an abort to itself", "carries an abort to what is behind"],
  ["keeps an abort to itself", "carries an error of the source of a pipe"],
  ["keeps an abort to itself", "settles a held write when it is aborted"],
  ["keeps an abort to itself", "settles a held close when it is aborted"],
  ["wraps the reason of an abort", "carries an abort to what is behind"],
  ["leaves a held write pending at abort", "settles a held write when it is aborted"],
  ["keeps an error to itself", "errors with the reason of what is behind"],
  ["keeps an error to itself", "carries an error of what is behind to the source of a pipe"],
  ["wraps the reason of an error", "errors with the reason of what is behind"],
  ["wraps the reason of an error", "settles a held write when what is behind breaks"],
];

describe("sinkContract()", () => {
  test("gives every case a name of its own", () => {
    const names = sinkContract(() => makeSink()).map(({ name }) => name);
    expect(names.length).toBeGreaterThan(10);
    expect(new Set(names).size).toBe(names.length);
  });

  for (const { name, run } of sinkContract(() => makeSink())) {
    test(`passes a sink that ${name}`, run);
  }

  describe.each([1, 4])("passes a native stream with a mark of %d", (highWaterMark) => {
    const make = (): ContractSink<number> => {
      const target = scriptedSink<number>([], { highWaterMark });
      const { writable } = target;
      return { writable, target, chunk: (index) => index, maxHeldChunks: highWaterMark };
    };
    for (const { name, run } of sinkContract(make)) test(name, run);
  });

  test("compares what changed on its way with `equals`", async () => {
    const make = (): ContractSink<number, string> => {
      const target = scriptedSink<string>();
      const { writable, readable } = new TransformStream<number, string>({
        transform: (chunk, controller) => controller.enqueue(`#${chunk}`),
      });
      void readable.pipeTo(target.writable).catch(() => {});
      const equals = (received: string, sent: number): boolean => received === `#${sent}`;
      return { writable, target, chunk: (index) => index, equals };
    };
    const [first] = sinkContract(make);
    await first?.run();
    const wrong = sinkContract(() => ({ ...make(), equals: Object.is }))[0];
    await expect(wrong?.run()).rejects.toThrow("Cannot keep the order");
  });

  test.concurrent("finds out every fault", async ({ expect: check }) => {
    const missed = await Promise.all(
      FAULTS.map(async ([fault, name]) => {
        const found = sinkContract(() => makeSink(fault)).find((entry) => entry.name === name);
        check(found, name).toBeDefined();
        const [result] = await Promise.allSettled([found?.run()]);
        return result?.status === "rejected" ? [] : [`${fault}: ${name}`];
      }),
    );
    check(missed.flat()).toEqual([]);
  });
});
