import { isSettled, scriptedSource, settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { fromIterable } from "./from-iterable.ts";
import { toIterable, type ToIterableOptions } from "./to-iterable.ts";

type Iterate = <T>(
  readable: ReadableStream<T>,
  options?: ToIterableOptions,
) => AsyncIterator<T, unknown> & AsyncIterable<T>;

const native = ReadableStream.prototype as {
  values?: (options?: ToIterableOptions) => AsyncIterator<unknown> & AsyncIterable<unknown>;
};

/** What the platform does is the measure of what we do. */
const kinds: [name: string, iterate: Iterate][] = [["toIterable()", toIterable]];
if (native.values) {
  kinds.push([
    "readable.values()",
    (readable, options) => native.values?.call(readable, options),
  ] as [string, Iterate]);
}

describe.each(kinds)("%s", (_, iterate) => {
  test("gives every chunk, then releases the stream", async () => {
    const readable = fromIterable([1, 2, 3]);
    const chunks: number[] = [];
    const iterator = iterate(readable);
    expect(readable.locked).toBe(true);
    for await (const chunk of iterator) chunks.push(chunk);
    expect(chunks).toEqual([1, 2, 3]);
    expect(readable.locked).toBe(false);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test("reads nothing ahead", async () => {
    const source = scriptedSource([{ chunks: [1, 2, 3] }]);
    const iterator = iterate(source.readable);
    await settle();
    expect(source.pulls).toBe(0);
    await iterator.next();
    await settle();
    expect(source.pulls).toBe(1);
  });

  test("cancels when the loop is left", async () => {
    const source = scriptedSource([{ chunks: [1, 2, 3] }]);
    for await (const chunk of iterate(source.readable)) if (chunk === 2) break;
    expect(await source.ended).toEqual({ how: "cancelled", reason: undefined });
    expect(source.readable.locked).toBe(false);
  });

  test("cancels when it is left before the first chunk", async () => {
    const reason = new Error("Never mind");
    const source = scriptedSource([{ chunks: [1] }]);
    const iterator = iterate(source.readable);
    expect(await iterator.return?.(reason)).toEqual({ done: true, value: reason });
    expect(await source.ended).toEqual({ how: "cancelled", reason });
    expect(await iterator.return?.("again")).toEqual({ done: true, value: "again" });
  });

  test("with preventCancel only releases the stream", async () => {
    const readable = fromIterable([1, 2, 3]);
    for await (const chunk of iterate(readable, { preventCancel: true })) if (chunk === 1) break;
    expect(readable.locked).toBe(false);
    const rest: number[] = [];
    for await (const chunk of iterate(readable)) rest.push(chunk);
    expect(rest).toEqual([2, 3]);
  });

  test("throws the very error of the stream, and releases it", async () => {
    const reason = new Error("The source breaks");
    const source = scriptedSource([{ chunks: [1] }, { error: reason }]);
    const iterator = iterate(source.readable);
    await iterator.next();
    await expect(iterator.next()).rejects.toBe(reason);
    expect(source.readable.locked).toBe(false);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test("throws what cancelling throws", async () => {
    const failure = new Error("The cable is stuck");
    const readable = new ReadableStream({ cancel: () => Promise.reject(failure) });
    await expect(iterate(readable).return?.()).rejects.toBe(failure);
    expect(readable.locked).toBe(false);
  });

  test("answers calls in their order", async () => {
    const source = scriptedSource([{ chunks: [1, 2] }, "stall", { chunks: [3, 4] }]);
    const iterator = iterate(source.readable);
    const reads = [iterator.next(), iterator.next(), iterator.next()];
    const left = iterator.return?.("enough") as Promise<unknown>;
    const late = iterator.next();
    expect(await isSettled(left)).toBe(false);
    source.release();
    expect(await Promise.all(reads)).toEqual([1, 2, 3].map((value) => ({ done: false, value })));
    expect(await left).toEqual({ done: true, value: "enough" });
    expect(await late).toEqual({ done: true, value: undefined });
    expect(await source.ended).toEqual({ how: "cancelled", reason: "enough" });
  });
});

describe("toIterable()", () => {
  test("needs nothing of a platform whose streams cannot be iterated", async () => {
    const readable = fromIterable(["a", "b"]);
    const { prototype } = ReadableStream;
    const own = Object.getOwnPropertyDescriptor(prototype, Symbol.asyncIterator);
    const missing = (): never => {
      throw new Error("Not on this platform");
    };
    Object.defineProperty(prototype, Symbol.asyncIterator, { ...own, value: missing });
    try {
      const chunks: string[] = [];
      for await (const chunk of toIterable(readable)) chunks.push(chunk);
      expect(chunks).toEqual(["a", "b"]);
      expect(() => (readable as AsyncIterable<string>)[Symbol.asyncIterator]()).toThrow(/platform/);
    } finally {
      if (own) Object.defineProperty(prototype, Symbol.asyncIterator, own);
      else Reflect.deleteProperty(prototype, Symbol.asyncIterator);
    }
  });

  test("refuses what it cannot use", () => {
    const option = expect.objectContaining({ code: "SPW_ERR_OPTION" });
    const readable = fromIterable([1]);
    expect(() => toIterable({} as ReadableStream)).toThrow(option);
    expect(() => toIterable(readable, { preventCancel: 1 as unknown as boolean })).toThrow(option);
    expect(readable.locked).toBe(false);
    readable.getReader();
    expect(() => toIterable(readable)).toThrow(TypeError);
  });
});
