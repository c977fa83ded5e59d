import { isSettled, scriptedSink, settle, sinkContract } from "@spillway/testing";
import { describe, expect, test, vi } from "vitest";
import { handled, via, ways } from "../test/ends-of.ts";
import { pumped } from "./ends.ts";
import { fromIterable } from "./from-iterable.ts";
import { sink } from "./sink.ts";

const forever = (): Promise<void> => new Promise(() => {});

describe("sink()", () => {
  describe("keeps the contract of a sink", () => {
    const cases = sinkContract(() => {
      const target = scriptedSink<number>();
      const writer = target.writable.getWriter();
      const writable = sink<number>({
        start: (controller) => {
          writer.closed.catch((error: unknown) => controller.error(error));
        },
        write: (chunk) => writer.write(chunk),
        close: () => writer.close(),
        abort: (reason) => writer.abort(reason),
      });
      return { writable, target, chunk: (index) => index, maxHeldChunks: 2 };
    });
    for (const { name, run } of cases) test(name, run);
  });

  test("is a stream of the platform, and takes everything without a word", async () => {
    const writable = sink();
    expect(writable).toBeInstanceOf(WritableStream);
    await new ReadableStream({ start: (controller) => controller.close() }).pipeTo(writable);
  });

  test.each(ways)("writes, then closes (%s)", async (way) => {
    const calls: unknown[] = [];
    const underlying: UnderlyingSink<number> = {
      write(chunk) {
        calls.push(chunk, this === underlying);
      },
      close() {
        calls.push("close", this === underlying);
      },
    };
    const before = pumped();
    await via(way, fromIterable([1, 2])).pipeTo(sink(underlying));
    expect(calls).toEqual([1, true, 2, true, "close", true]);
    expect(pumped() - before).toBe(way === "direct" ? 2 : 0);
  });

  test.each(ways)("waits for a write that gave a promise (%s)", async (way) => {
    const written: number[] = [];
    const writes: (() => void)[] = [];
    const writable = sink<number>({
      write: (chunk) => {
        written.push(chunk);
        return new Promise<void>((resolve) => writes.push(resolve));
      },
    });
    const piped = via(way, fromIterable([1, 2])).pipeTo(writable);
    await settle();
    expect(written).toEqual([1]);
    writes[0]?.();
    await settle();
    expect(written).toEqual([1, 2]);
    expect(await isSettled(piped)).toBe(false);
    writes[1]?.();
    await piped;
  });

  test.each(ways)("starts before it writes (%s)", async (way) => {
    let started: (() => void) | undefined;
    const written: number[] = [];
    const writable = sink<number>({
      start: () => new Promise<void>((resolve) => (started = resolve)),
      write: (chunk) => void written.push(chunk),
    });
    const piped = via(way, fromIterable([1])).pipeTo(writable);
    await settle();
    expect(written).toEqual([]);
    started?.();
    await piped;
    expect(written).toEqual([1]);
  });

  test("lets wait what the strategy says", async () => {
    const strategy = new ByteLengthQueuingStrategy({ highWaterMark: 10 });
    const writer = sink<Uint8Array>({ write: forever }, strategy).getWriter();
    expect(writer.desiredSize).toBe(10);
    void writer.write(new Uint8Array(4));
    void writer.write(new Uint8Array(7));
    expect(writer.desiredSize).toBe(-1);
    expect(await isSettled(writer.ready)).toBe(false);
  });

  describe.each(ways)("when it fails (%s)", (way) => {
    const error = new Error("sink");

    test.each([
      [
        "a write throws",
        {
          write: () => {
            throw error;
          },
        },
      ],
      ["a write rejects", { write: () => Promise.reject(error) }],
      [
        "close throws",
        {
          close: () => {
            throw error;
          },
        },
      ],
      ["close rejects", { close: () => Promise.reject(error) }],
      ["start rejects", { start: () => Promise.reject(error) }],
      ["it says so", { start: (controller) => controller.error(error) }],
    ] satisfies [string, UnderlyingSink<number>][])(
      "errors the pipe: %s",
      async (_, underlying) => {
        const cancel = vi.fn<(reason: unknown) => void>();
        const source = new ReadableStream<number>({
          start: (controller) => {
            controller.enqueue(1);
            if ("close" in underlying) controller.close();
          },
          cancel,
        });
        const writable = sink<number>(underlying);
        const readable = way === "direct" ? fromIterable(source) : source;
        await expect(readable.pipeTo(writable)).rejects.toBe(error);
        // The second pipe finds it as the first has left it.
        await expect(via(way, fromIterable([1])).pipeTo(writable)).rejects.toBe(error);
        await expect(writable.getWriter().closed).rejects.toBe(error);
        await settle();
        // Engines tell a source more than the standard has them tell.
        const reasons = cancel.mock.calls.map(([reason]) => reason);
        expect(reasons).toEqual("close" in underlying ? [] : [error]);
      },
    );

    test("calls abort for no failure of its own", async () => {
      const abort = vi.fn<(reason: unknown) => void>();
      const writable = sink<number>({ write: () => Promise.reject(error), abort });
      await expect(via(way, fromIterable([1])).pipeTo(writable)).rejects.toBe(error);
      expect(abort).not.toHaveBeenCalled();
    });
  });

  test("throws what start throws", () => {
    const error = new Error("start");
    const start = (): never => {
      throw error;
    };
    expect(() => sink({ start })).toThrow(error);
  });

  describe("abort()", () => {
    test("settles at once, whatever is in flight", async () => {
      const reason = new Error("gave up");
      const abort = vi.fn<(reason: unknown) => void>();
      const writer = sink({ write: forever, abort }).getWriter();
      for (const promise of [writer.ready, writer.closed]) void handled(promise);
      const writes = [handled(writer.write(1)), handled(writer.write(2))];
      await settle();
      await writer.abort(reason);
      for (const write of writes) await expect(write).rejects.toBe(reason);
      expect(abort).toHaveBeenCalledExactlyOnceWith(reason);
    });

    test("shows in the signal that start got", async () => {
      let signal: AbortSignal | undefined;
      const writable = sink({
        start: (controller) => {
          ({ signal } = controller);
        },
      });
      await writable.abort("gave up");
      expect(signal?.reason).toBe("gave up");
    });

    test.each([
      [
        "throws",
        () => {
          throw new Error("abort");
        },
      ],
      ["rejects", () => Promise.reject(new Error("abort"))],
    ] as const)(
      "rejects when the underlying one %s, even before the start is over",
      async (_, abort) => {
        let started: (() => void) | undefined;
        const start = (): Promise<void> => new Promise((resolve) => (started = resolve));
        const aborted = sink({ start, abort }).abort("gave up");
        void handled(aborted);
        await settle();
        started?.();
        // Unhandled on its way, it would end the run.
        await expect(aborted).rejects.toThrow("abort");
      },
    );

    test("waits for nothing when close hangs", async () => {
      const writer = sink({ close: forever }).getWriter();
      void handled(writer.closed);
      const closed = handled(writer.close());
      await settle();
      await handled(writer.abort("gave up"));
      await expect(closed).rejects.toBe("gave up");
    });
  });

  test("refuses what is no function", () => {
    const coded = expect.objectContaining({ code: "SPW_ERR_OPTION" });
    for (const method of ["start", "write", "close", "abort"]) {
      expect(() => sink({ [method]: 1 })).toThrow(coded);
    }
    expect(() => sink({}, { highWaterMark: Number.NaN })).toThrow(coded);
  });
});
