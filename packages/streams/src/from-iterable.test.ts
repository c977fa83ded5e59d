import { isSettled, settle, sourceContract, type SourceEnd } from "@spillway/testing";
import { describe, expect, test, vi } from "vitest";
import { pipeAll, ways } from "../test/ends-of.ts";
import { pumped } from "./ends.ts";
import { fromIterable } from "./from-iterable.ts";
import { sink } from "./sink.ts";

/** An endless iterable, and a hand that ends it. */
class Origin implements Iterable<number>, AsyncIterable<number> {
  readonly sent: number[] = [];
  readonly ended: Promise<SourceEnd>;
  #end!: (end: SourceEnd) => void;
  #last: IteratorResult<number> | { readonly error: unknown } | undefined;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  close(): void {
    this.#last = { done: true, value: undefined };
  }

  error(error: unknown): void {
    this.#last = { error };
  }

  [Symbol.iterator](): Iterator<number> {
    return {
      next: () => {
        if (this.#last === undefined) return { value: this.sent.push(this.sent.length) - 1 };
        if ("error" in this.#last) throw this.#last.error;
        return this.#last;
      },
      return: (reason) => {
        this.#end({ how: "cancelled", reason });
        return { done: true, value: undefined };
      },
    };
  }

  [Symbol.asyncIterator](): AsyncIterator<number> {
    const iterator = this[Symbol.iterator]();
    return {
      next: async () => iterator.next(),
      return: async (reason) => iterator.return?.(reason) as IteratorResult<number>,
    };
  }
}

describe("fromIterable()", () => {
  describe.each(["sync", "async"])("keeps the contract of a source, %s", (kind) => {
    const cases = sourceContract(() => {
      const origin = new Origin();
      const from =
        kind === "sync" ? { [Symbol.iterator]: () => origin[Symbol.iterator]() } : origin;
      return { readable: fromIterable(from), origin, maxHeldChunks: 0 };
    });
    for (const { name, run } of cases) test(name, run);
  });

  test("is a stream of the platform", () => {
    expect(fromIterable([])).toBeInstanceOf(ReadableStream);
  });

  describe.each(ways)("gives what is in it, in order (%s)", (way) => {
    const chunks = [1, 2, 3];

    test.each([
      ["an array", () => chunks],
      ["a set", () => new Set(chunks)],
      ["promises", () => chunks.map((chunk) => Promise.resolve(chunk))],
      ["a mixture", () => [1, Promise.resolve(2), 3]],
      [
        "a generator",
        function* () {
          yield* chunks;
        },
      ],
      [
        "an async generator",
        async function* () {
          yield* chunks;
        },
      ],
      ["a stream", () => new Blob([new Uint8Array(chunks)]).stream()],
    ] as const)("%s", async (_, make) => {
      const received = await pipeAll<unknown, unknown>(way, make(), new TransformStream());
      expect(
        received.flatMap((chunk) => (chunk instanceof Uint8Array ? Array.from(chunk) : chunk)),
      ).toEqual(chunks);
    });
  });

  test("gives the characters of a string", async () => {
    expect(await pipeAll("direct", "añ😀", new TransformStream())).toEqual(["a", "ñ", "😀"]);
  });

  test("is pumped into ours without a promise for each chunk", async () => {
    const before = pumped();
    let written = 0;
    await fromIterable(Array.from({ length: 1000 }, () => 1)).pipeTo(
      sink({ write: (chunk) => void (written += chunk) }),
    );
    expect(written).toBe(1000);
    expect(pumped() - before).toBe(1000);
  });

  test("asks for nothing that nobody wants", async () => {
    const origin = new Origin();
    const reader = fromIterable(origin).getReader();
    await settle();
    expect(origin.sent).toEqual([]);
    await reader.read();
    await settle();
    expect(origin.sent).toEqual([0]);
  });

  test("asks for one at a time", async () => {
    const resolvers: ((result: IteratorResult<string>) => void)[] = [];
    const next = (): Promise<IteratorResult<string>> =>
      new Promise((resolve) => resolvers.push(resolve));
    const reader = fromIterable({ [Symbol.asyncIterator]: () => ({ next }) }).getReader();
    const reads = [reader.read(), reader.read()];
    await settle();
    expect(resolvers).toHaveLength(1);
    resolvers[0]?.({ value: "a" });
    expect(await reads[0]).toEqual({ done: false, value: "a" });
    expect(resolvers).toHaveLength(2);
    resolvers[1]?.({ done: true, value: undefined });
    expect(await reads[1]).toEqual({ done: true, value: undefined });
  });

  test("looks next up once", async () => {
    const next = vi.fn<() => () => IteratorResult<number>>(() => () => ({ value: 1 }));
    const iterator = Object.defineProperty({}, "next", { get: next }) as Iterator<number>;
    const reader = fromIterable({ [Symbol.iterator]: () => iterator }).getReader();
    await reader.read();
    await reader.read();
    expect(next).toHaveBeenCalledOnce();
  });

  describe("errors with", () => {
    const error = new Error("source");

    test.each([
      [
        "what next() throws",
        {
          next: () => {
            throw error;
          },
        },
      ],
      ["what a chunk rejects with", { next: () => ({ value: Promise.reject(error) }) }],
    ])("%s", async (_, iterator) => {
      const reader = fromIterable({
        [Symbol.iterator]: () => iterator as Iterator<unknown>,
      }).getReader();
      await expect(reader.read()).rejects.toBe(error);
      await expect(reader.closed).rejects.toBe(error);
    });

    test.each([
      [
        "throws",
        () => {
          throw error;
        },
      ],
      ["rejects", () => Promise.reject(error)],
    ])("what an async next() %s", async (_, next) => {
      const reader = fromIterable({ [Symbol.asyncIterator]: () => ({ next }) }).getReader();
      await expect(reader.read()).rejects.toBe(error);
    });

    test.each([
      ["sync", { [Symbol.iterator]: () => ({ next: () => 1 }) }],
      ["async", { [Symbol.asyncIterator]: () => ({ next: async () => 1 }) }],
    ])("a TypeError when a result is none (%s)", async (_, iterable) => {
      const reader = fromIterable(iterable as unknown as Iterable<number>).getReader();
      await expect(reader.read()).rejects.toThrow(TypeError);
    });
  });

  describe("cancel()", () => {
    test("does not wait for a next() that is under way", async () => {
      const back = vi.fn<(reason: unknown) => Promise<IteratorResult<number>>>(async () => ({
        done: true,
        value: undefined,
      }));
      const iterator = { next: () => new Promise<never>(() => {}), return: back };
      const reader = fromIterable<number>({ [Symbol.asyncIterator]: () => iterator }).getReader();
      const read = reader.read();
      await reader.cancel("left");
      expect(back).toHaveBeenCalledExactlyOnceWith("left");
      expect(await read).toEqual({ done: true, value: undefined });
    });

    test("waits for return(), and rejects as it does", async () => {
      let reject: ((reason: Error) => void) | undefined;
      const iterator: AsyncIterator<number> = {
        next: async () => ({ value: 1 }),
        return: () => new Promise((_, rejected) => (reject = rejected)),
      };
      const cancelled = fromIterable({ [Symbol.asyncIterator]: () => iterator }).cancel();
      expect(await isSettled(cancelled)).toBe(false);
      const rejection = expect(cancelled).rejects.toThrow("return");
      reject?.(new Error("return"));
      await rejection;
    });

    test("needs no return()", async () => {
      await fromIterable({ [Symbol.iterator]: () => ({ next: () => ({ value: 1 }) }) }).cancel();
    });

    test("lets a result that comes late go", async () => {
      let resolve: ((result: IteratorResult<string>) => void) | undefined;
      const next = (): Promise<IteratorResult<string>> => new Promise((give) => (resolve = give));
      const reader = fromIterable({ [Symbol.asyncIterator]: () => ({ next }) }).getReader();
      const read = reader.read();
      await reader.cancel();
      resolve?.({ value: "late" });
      expect(await read).toEqual({ done: true, value: undefined });
    });

    test("is not called for what is through", async () => {
      const iterator = { next: () => ({ done: true, value: undefined }), return: vi.fn() };
      const reader = fromIterable({ [Symbol.iterator]: () => iterator }).getReader();
      await reader.read();
      await reader.cancel();
      expect(iterator.return).not.toHaveBeenCalled();
    });
  });

  test("prefers what is async, and takes null for nothing", async () => {
    const both = { ...asyncOnly("a"), [Symbol.iterator]: () => "b"[Symbol.iterator]() };
    expect(await pipeAll("direct", both, new TransformStream())).toEqual(["a"]);
    const syncOnly = {
      [Symbol.asyncIterator]: null,
      [Symbol.iterator]: () => "b"[Symbol.iterator](),
    };
    expect(await pipeAll("direct", syncOnly as never, new TransformStream())).toEqual(["b"]);
  });

  test.each([
    [undefined],
    [null],
    [1],
    [{}],
    [{ [Symbol.iterator]: 1 }],
    [{ [Symbol.iterator]: () => 1 }],
  ])("refuses %o", (iterable) => {
    const coded = expect.objectContaining({ code: "SPW_ERR_OPTION" });
    expect(() => fromIterable(iterable as never)).toThrow(coded);
  });

  test("throws what making an iterator throws", () => {
    const error = new Error("iterator");
    const iterable = {
      [Symbol.iterator]: (): never => {
        throw error;
      },
    };
    expect(() => fromIterable(iterable)).toThrow(error);
  });
});

function asyncOnly<T>(chunk: T): AsyncIterable<T> {
  return {
    async *[Symbol.asyncIterator]() {
      yield chunk;
    },
  };
}
