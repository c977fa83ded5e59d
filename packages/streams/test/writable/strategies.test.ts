import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { fromIterable, sink } from "../../src/index.ts";
import { failure, ORIGINS, outcome, reasonOf } from "../piping/rig.ts";
import { handled, MAKERS, slow, writerOf } from "./rig.ts";

// https://streams.spec.whatwg.org/#qs-api

describe.each(MAKERS)("the strategy of $name", ({ isOurs, make }) => {
  test.each([0, 1, 0.5, 7, Infinity])("starts with a desiredSize of its mark %d", (mark) => {
    expect(make({}, { highWaterMark: mark }).getWriter().desiredSize).toBe(mark);
  });

  test.each([-1, Number.NaN, -Infinity])("refuses a mark of %d", (highWaterMark) => {
    expect(() => make({}, { highWaterMark })).toThrow(RangeError);
  });

  test("refuses a size that is no function", () => {
    for (const size of [1, "size", {}, true]) {
      expect(() => make({}, { size } as unknown as QueuingStrategy)).toThrow(TypeError);
    }
  });

  test("is read once, and its size is called with a chunk and nothing else", async () => {
    const reads: string[] = [];
    const calls: unknown[] = [];
    function size(this: unknown, ...given: unknown[]): number {
      calls.push([this, ...given]);
      return 1;
    }
    const strategy = {
      get size() {
        reads.push("size");
        return size;
      },
      get highWaterMark() {
        reads.push("highWaterMark");
        return 5;
      },
    };
    const writer = make({}, strategy).getWriter();
    await writer.write("a");
    expect(reads.sort()).toEqual(["highWaterMark", "size"]);
    expect(calls).toEqual([[undefined, "a"]]);
  });

  test("throws what its getters throw", () => {
    const error = failure("getter");
    for (const name of ["size", "highWaterMark"]) {
      const strategy = {
        get [name](): never {
          throw error;
        },
      };
      expect(() => make({}, strategy)).toThrow(error);
    }
  });

  test("may be a CountQueuingStrategy", async () => {
    const made = slow();
    const strategy = new CountQueuingStrategy({ highWaterMark: 2 });
    const writer = make(made.underlying, strategy).getWriter();
    for (const left of [1, 0, -1]) {
      void writer.write("any size");
      expect(writer.desiredSize).toBe(left);
    }
    await settle();
    for (const left of [0, 1, 2]) {
      made.release();
      await settle();
      expect(writer.desiredSize).toBe(left);
    }
  });

  test("may be a ByteLengthQueuingStrategy", async () => {
    const made = slow();
    const strategy = new ByteLengthQueuingStrategy({ highWaterMark: 10 });
    const writer = make<ArrayBufferView>(made.underlying, strategy).getWriter();
    for (const [bytes, left] of [
      [4, 6],
      [0, 6],
      [6, 0],
      [100, -100],
    ] as const) {
      void writer.write(new Uint8Array(bytes));
      expect(writer.desiredSize).toBe(left);
    }
    await settle();
    for (const left of [-96, -96, -90, 10]) {
      made.release();
      await settle();
      expect(writer.desiredSize).toBe(left);
    }
  });

  test("errors the stream for a chunk without a byteLength", async () => {
    const strategy = new ByteLengthQueuingStrategy({ highWaterMark: 10 });
    const writer = writerOf(make<unknown>({}, strategy as QueuingStrategy<unknown>));
    await settle();
    const error = await reasonOf(writer.write("a string"));
    if (isOurs) expect(error).toMatchObject({ name: "SpillwayError", code: "SPW_ERR_CHUNK" });
    else expect(error).toBeInstanceOf(RangeError);
    expect(await reasonOf(writer.closed)).toBe(error);
    expect(await reasonOf(writer.ready)).toBe(error);
  });

  test.each([-1, -Infinity, Infinity, Number.NaN, undefined, "x", {}])(
    "errors the stream for a size of %o",
    async (value) => {
      const log: unknown[] = [];
      const made = slow();
      const writer = writerOf(
        make(
          { ...made.underlying, write: () => void log.push("write") },
          { highWaterMark: 5, size: () => value as number },
        ),
      );
      await settle();
      const error = await reasonOf(writer.write(1));
      if (isOurs) expect(error).toMatchObject({ code: "SPW_ERR_CHUNK" });
      else expect(error).toBeInstanceOf(RangeError);
      expect(await reasonOf(writer.closed)).toBe(error);
      expect(writer.desiredSize).toBeNull();
      // The sink is at no fault, and is not told.
      expect([log, made.log]).toEqual([[], []]);
    },
  );

  test("errors the stream with what size() throws", async () => {
    const thrown = failure("size");
    const size = (): never => {
      throw thrown;
    };
    const writer = writerOf(make({}, { size }));
    await settle();
    const error = await reasonOf(writer.write(1));
    if (isOurs) expect(error).toMatchObject({ code: "SPW_ERR_CHUNK", cause: thrown });
    else expect(error).toBe(thrown);
    expect(await reasonOf(writer.closed)).toBe(error);
    expect(await reasonOf(writer.write(2))).toBe(error);
  });

  test("converts sizes as the platform does", async () => {
    for (const value of ["2", true, null, { valueOf: () => 2 }, new Date(2)]) {
      const writer = make({}, { highWaterMark: 5, size: () => value as number }).getWriter();
      void writer.write(1);
      expect(writer.desiredSize).toBe(5 - Number(value));
    }
  });

  test("sums fractions as the platform does, and an empty queue weighs nothing", async () => {
    const made = slow();
    const sizes = [2, 0.1, 2 ** -53, 0.3];
    const writer = make(made.underlying, {
      highWaterMark: 0,
      size: (chunk) => sizes[chunk as number] as number,
    }).getWriter();
    let sum = 0;
    for (const [chunk, size] of sizes.entries()) {
      void writer.write(chunk);
      sum += size;
      expect(writer.desiredSize).toBe(-sum);
    }
    await settle();
    for (const _ of sizes) {
      made.release();
      await settle();
    }
    expect(writer.desiredSize).toBe(0);
  });
});

describe.each(MAKERS)("a size() of $name that acts", ({ isOurs, make }) => {
  const reason = failure("within");

  test("writes: the inner chunk comes first", async () => {
    const log: unknown[] = [];
    const writer: WritableStreamDefaultWriter<string> = make<string>(
      { write: (chunk) => void log.push(chunk) },
      {
        size: (chunk) => {
          if (chunk === "outer") void writer.write("inner");
          return 1;
        },
      },
    ).getWriter();
    await writer.write("outer");
    expect(log).toEqual(["inner", "outer"]);
  });

  test("closes: the chunk is refused", async () => {
    const log: unknown[] = [];
    const writer: WritableStreamDefaultWriter<string> = make<string>(
      { write: (chunk) => void log.push(chunk), close: () => void log.push("close") },
      {
        size: () => {
          void handled(writer.close());
          return 1;
        },
      },
    ).getWriter();
    expect(await reasonOf(writer.write("late"))).toBeInstanceOf(TypeError);
    await writer.closed;
    expect(log).toEqual(["close"]);
  });

  test("aborts: the chunk is refused with the reason", async () => {
    const log: unknown[] = [];
    const writer: WritableStreamDefaultWriter<string> = writerOf(
      make<string>(
        { write: (chunk) => void log.push(chunk), abort: (given) => void log.push(given) },
        {
          size: () => {
            void handled(writer.abort(reason));
            return 1;
          },
        },
      ),
    );
    expect(await reasonOf(writer.write("late"))).toBe(reason);
    await settle();
    expect(log).toEqual([reason]);
  });

  test("errors the controller: the chunk is refused with that", async () => {
    let controller!: WritableStreamDefaultController;
    const writer = writerOf(
      make(
        {
          start: (given) => {
            controller = given;
          },
        },
        {
          size: () => {
            controller.error(reason);
            return 1;
          },
        },
      ),
    );
    expect(await reasonOf(writer.write(1))).toBe(reason);
    expect(await reasonOf(writer.closed)).toBe(reason);
  });

  test("releases the lock: the chunk is refused, and a pipe that follows starts", async () => {
    const log: unknown[] = [];
    let isFirst = true;
    const writable = make<number>(
      { write: (chunk) => void log.push(chunk) },
      {
        size: () => {
          if (isFirst) writer.releaseLock();
          isFirst = false;
          return 1;
        },
      },
    );
    const writer = writerOf(writable);
    expect(await reasonOf(writer.write(1))).toBeInstanceOf(TypeError);
    const { readable, enqueue, close } = ORIGINS.native();
    enqueue(2, 3);
    close();
    const source = isOurs ? fromIterable([2, 3]) : (readable as ReadableStream<number>);
    expect(await outcome(source.pipeTo(writable))).toBe("fulfilled");
    expect(log).toEqual([2, 3]);
  });
});

describe("sink()", () => {
  test("says in code which chunk could not be measured", async () => {
    const size = (): number => Number.NaN;
    const writer = writerOf(sink({}, { size }));
    expect(await reasonOf(writer.write(1))).toMatchObject({
      name: "SpillwayError",
      code: "SPW_ERR_CHUNK",
    });
  });
});
