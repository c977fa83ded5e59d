import { isSettled, settle } from "@spillway/testing";
import { describe, expect, test, vi } from "vitest";
import { endsOf, handled, pipeAll, via, ways } from "../test/ends-of.ts";
import { batch } from "./batch.ts";
import { fromIterable } from "./from-iterable.ts";
import { sink } from "./sink.ts";
import { unbatch } from "./unbatch.ts";

/** An endless iterable that tells what was asked of it. */
function endless(): Iterable<number> & {
  readonly given: number;
  readonly back: ReturnType<typeof vi.fn>;
} {
  let given = 0;
  const back = vi.fn(() => ({ done: true as const, value: undefined }));
  return {
    [Symbol.iterator]: () => ({ next: () => ({ value: given++ }), return: back }),
    get given() {
      return given;
    },
    back,
  };
}

describe("unbatch()", () => {
  test.each(ways)("gives the items of arrays and other iterables, in order (%s)", async (way) => {
    const generate = function* (): Generator<number> {
      yield* [4, 5];
    };
    const chunks = [[1, 2], [], new Set([3]), generate(), []];
    expect(await pipeAll(way, chunks, unbatch())).toEqual([1, 2, 3, 4, 5]);
  });

  test.each(ways)("undoes batch() (%s)", async (way) => {
    const chunks = Array.from({ length: 1000 }, (_, index) => index);
    const batched = via(way, fromIterable(chunks)).pipeThrough(batch({ maxCount: 7 }));
    const items: number[] = [];
    await via(way, via(way, batched).pipeThrough(unbatch())).pipeTo(
      sink({ write: (item) => void items.push(item) }),
    );
    expect(items).toEqual(chunks);
  });

  test.each(ways)("passes over any number of empty iterables (%s)", async (way) => {
    const chunks = [...Array.from({ length: 20_000 }, (): number[] => []), [1]];
    expect(await pipeAll(way, chunks, unbatch())).toEqual([1]);
  });

  test("asks for an item when one is wanted, and holds the next iterable until then", async () => {
    const items = endless();
    const pair = endsOf(unbatch<number>());
    const written = pair.write(items);
    expect(await isSettled(written)).toBe(false);
    for (let item = 0; item < 3; item++) {
      expect(await pair.read()).toEqual({ done: false, value: item });
      await settle();
      expect(items.given).toBe(item + 1);
    }
    await written;
    expect(await isSettled(pair.write([1]))).toBe(false);
  });

  test("asks for as many as its readableStrategy says", async () => {
    const items = endless();
    const pair = endsOf(unbatch<number>({ readableStrategy: { highWaterMark: 4 } }));
    await pair.write(items);
    expect(items.given).toBe(4);
    await pair.read();
    await settle();
    expect(items.given).toBe(5);
  });

  test("asks ahead although the first one is read at once", async () => {
    const items = endless();
    const pair = endsOf(unbatch<number>({ readableStrategy: { highWaterMark: 4 } }));
    const read = pair.read();
    await pair.write(items);
    expect(await read).toEqual({ done: false, value: 0 });
    expect(items.given).toBe(5);
  });

  test("gives items in order to an iterable that reads them itself", async () => {
    const pair = endsOf(unbatch<number>({ readableStrategy: { highWaterMark: 2 } }));
    const reads: Promise<unknown>[] = [];
    const items = (function* (): Generator<number> {
      for (let item = 0; item < 5; item++) {
        reads.push(pair.read());
        yield item;
      }
    })();
    await pair.write(items);
    await pair.writer.close();
    await settle();
    expect(await Promise.all(reads)).toEqual(
      [0, 1, 2, 3, 4].map((value) => ({ done: false, value })),
    );
    await pair.read();
    await pair.reader.closed;
  });

  test.each(ways)("lets an endless iterable be left (%s)", async (way) => {
    const items = endless();
    const reason = new Error("enough");
    let written = 0;
    const write = (): void => {
      if (++written === 1000) throw reason;
    };
    const readable = via(way, fromIterable([items])).pipeThrough(unbatch<number>());
    await expect(via(way, readable).pipeTo(sink({ write }))).rejects.toBe(reason);
    await settle();
    expect(items.back).toHaveBeenCalledOnce();
    expect(items.given).toBeLessThan(1005);
  });

  test("lets the event loop turn while an endless iterable is pumped", async () => {
    const items = endless();
    const controller = new AbortController();
    const piped = fromIterable([items])
      .pipeThrough(unbatch<number>())
      .pipeTo(sink(), { signal: controller.signal });
    void handled(piped);
    await settle();
    expect(items.given).toBeGreaterThan(1000);
    controller.abort();
    await expect(piped).rejects.toBe(controller.signal.reason);
    await settle();
    expect(items.back).toHaveBeenCalledOnce();
  });

  test("gives all items before it closes, and has closed before they are read", async () => {
    const pair = endsOf(unbatch<number>());
    const read = pair.read();
    await pair.write([1, 2, 3]);
    await pair.writer.close();
    expect(await read).toEqual({ done: false, value: 1 });
    expect(await pair.readAll()).toEqual([2, 3]);
    await pair.reader.closed;
  });

  test("errors the consumer with what an iterator throws after the close", async () => {
    const error = new Error("next");
    const items = (function* (): Generator<number> {
      yield 1;
      throw error;
    })();
    const pair = endsOf(unbatch<number>());
    const read = pair.read();
    await pair.write(items);
    await pair.writer.close();
    expect(await read).toEqual({ done: false, value: 1 });
    await expect(pair.read()).rejects.toBe(error);
  });

  describe("tells an iterator that it is left", () => {
    const reason = new Error("over");
    const begin = async () => {
      const items = endless();
      const pair = endsOf(unbatch<number>());
      const read = pair.read();
      await pair.write(items);
      await read;
      return { items, pair };
    };

    test("when it is aborted", async () => {
      const { items, pair } = await begin();
      const read = pair.read();
      await read;
      await pair.writer.abort(reason);
      expect(items.back).toHaveBeenCalledOnce();
      await expect(pair.read()).rejects.toBe(reason);
    });

    test("when it is cancelled, though it was closed", async () => {
      const { items, pair } = await begin();
      await pair.writer.close();
      await pair.reader.cancel(reason);
      expect(items.back).toHaveBeenCalledOnce();
    });

    test("when the next chunk is no iterable", async () => {
      const pair = endsOf(unbatch<unknown>({ readableStrategy: { highWaterMark: 1 } }));
      await pair.write([]);
      const coded = expect.objectContaining({ code: "SPW_ERR_CHUNK" });
      await expect(pair.write(5 as never)).rejects.toEqual(coded);
      await expect(pair.read()).rejects.toEqual(coded);
    });

    test("but not when it is through, or has thrown", async () => {
      const back = vi.fn(() => ({ done: true as const, value: undefined }));
      const through: Iterable<number> = {
        [Symbol.iterator]: () => ({ next: () => ({ done: true, value: undefined }), return: back }),
      };
      expect(await pipeAll("direct", [through], unbatch())).toEqual([]);
      const throws: Iterable<number> = {
        [Symbol.iterator]: () => ({
          next: () => {
            throw reason;
          },
          return: back,
        }),
      };
      await expect(pipeAll("direct", [throws], unbatch())).rejects.toBe(reason);
      expect(back).not.toHaveBeenCalled();
    });

    test("and reports as uncaught what it answers with", async () => {
      const { items, pair } = await begin();
      items.back.mockImplementation(() => {
        throw new Error("return");
      });
      const later = vi.spyOn(globalThis, "queueMicrotask").mockImplementation(() => {});
      const cancelled = pair.reader.cancel(reason);
      const calls = [...later.mock.calls];
      later.mockRestore();
      await cancelled;
      expect(calls).toHaveLength(1);
      expect(() => calls[0]?.[0]()).toThrow("return");
      await expect(pair.writer.closed).rejects.toBe(reason);
    });
  });

  test("asks no more of an iterator that cancels the stage itself", async () => {
    const back = vi.fn(() => ({ done: true as const, value: undefined }));
    const pair = unbatch<number>();
    const reader = pair.readable.getReader();
    let asked = 0;
    const items: Iterable<number> = {
      [Symbol.iterator]: () => ({
        next: () => {
          asked++;
          void reader.cancel();
          return { value: 1 };
        },
        return: back,
      }),
    };
    const read = reader.read();
    const writer = pair.writable.getWriter();
    for (const promise of [writer.ready, writer.closed]) void handled(promise);
    void handled(writer.write(items));
    expect(await read).toEqual({ done: true, value: undefined });
    await settle();
    expect(asked).toBe(1);
    expect(back).toHaveBeenCalledOnce();
  });

  test.each([[undefined], [null], [5], [{}]])("errors both sides for %o", async (chunk) => {
    const coded = expect.objectContaining({ code: "SPW_ERR_CHUNK" });
    const pair = endsOf(unbatch<unknown>());
    const read = pair.read();
    await expect(pair.write(chunk as never)).rejects.toEqual(coded);
    await expect(read).rejects.toEqual(coded);
  });
});
