import {
  type ContractCase,
  isSettled,
  scriptedSink,
  scriptedSource,
  settle,
  sinkContract,
  sourceContract,
} from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { fromIterable } from "../../from-iterable.ts";
import {
  fromStreamIter,
  fromStreamIterWriter,
  type StreamIterWriter,
  toStreamIter,
  toStreamIterWriter,
} from "../../node.ts";
import { sink } from "../../sink.ts";

const option: unknown = expect.objectContaining({ code: "SPW_ERR_OPTION" });
const bytesOf = (index: number): Uint8Array => new TextEncoder().encode(`chunk ${index}`);
const isSame = (received: unknown, sent: unknown): boolean =>
  String(received) === String(sent) && received instanceof Uint8Array;

function* chunks(count = Infinity): Generator<Uint8Array> {
  for (let index = 0; index < count; index++) yield bytesOf(index);
}

/** Runs a contract but for the cases that the protocol between the two ways rules out. */
function run(cases: readonly ContractCase[], without: readonly string[]): void {
  const names = cases.map(({ name }) => name);
  for (const name of without) expect(names).toContain(name);
  for (const { name, run: prove } of cases) if (!without.includes(name)) test(name, prove);
}

describe("fromStreamIter()", () => {
  const isHere = process.getBuiltinModule("node:stream/iter") !== undefined;

  test.skipIf(isHere)("says what is missing where the runtime has no node:stream/iter", () => {
    expect(() => fromStreamIter(["a"])).toThrow(
      expect.objectContaining({
        name: "SpillwayError",
        code: "SPW_ERR_SOURCE",
        message: expect.stringContaining("--experimental-stream-iter"),
      }),
    );
  });
});

describe("toStreamIter()", () => {
  test("gives what is at hand, in batches, and nothing more", async () => {
    let taken = 0;
    const source = fromIterable(
      (function* () {
        for (const chunk of chunks(300)) {
          taken++;
          yield chunk;
        }
      })(),
    );
    const iterator = toStreamIter(source);
    await settle();
    expect([taken, source.locked]).toEqual([0, false]);
    const first = await iterator.next();
    await settle();
    // A pump that has run for long lets the event loop turn, which ends a batch before it is full.
    const { length } = first.value ?? [];
    expect(length).toBeGreaterThan(1);
    expect(length).toBeLessThanOrEqual(128);
    // One more waits in the pipe.
    expect(taken).toBe((length ?? 0) + 1);
    const rest: Uint8Array[][] = [];
    for await (const batch of iterator) rest.push(batch);
    expect(Math.max(...rest.map((batch) => batch.length))).toBeLessThanOrEqual(128);
    const all = [...(first.value ?? []), ...rest.flat()];
    expect(all).toEqual([...chunks(300)]);
    await settle();
    expect(source.locked).toBe(false);
  });

  test("gives single chunks of a stream that has no more at hand", async () => {
    const source = scriptedSource([{ chunks: chunks(3) }, "stall"]);
    const iterator = toStreamIter(source.readable);
    for (let index = 0; index < 3; index++) {
      expect((await iterator.next()).value).toEqual([bytesOf(index)]);
      await settle();
    }
    const next = iterator.next();
    expect(await isSettled(next)).toBe(false);
    source.close();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test("makes bytes of strings and of every kind of bytes", async () => {
    const words = new Uint16Array([0x6261, 0x6463]);
    const iterator = toStreamIter(fromIterable(["ä", words, words.buffer]));
    const { value = [] } = await iterator.next();
    expect(value.map((bytes) => Buffer.from(bytes).toString())).toEqual(["ä", "abcd", "abcd"]);
    await iterator.return(undefined);
  });

  test("cancels when the loop is left, and frees the stream", async () => {
    const source = scriptedSource([{ chunks: chunks() }]);
    for await (const batch of toStreamIter(source.readable)) if (batch.length > 0) break;
    expect(await source.ended).toEqual({ how: "cancelled", reason: undefined });
    expect(source.readable.locked).toBe(false);
  });

  test("throws the very error of the stream, behind what came before", async () => {
    const reason = new Error("The source breaks");
    const source = scriptedSource([{ chunks: chunks(1) }, { error: reason }]);
    const iterator = toStreamIter(source.readable);
    expect((await iterator.next()).value).toEqual([bytesOf(0)]);
    await expect(iterator.next()).rejects.toBe(reason);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test("fails at what is neither string nor bytes, and cancels", async () => {
    const source = scriptedSource<unknown>([{ chunks: [5] }, "stall"]);
    const iterator = toStreamIter(source.readable as ReadableStream<string>);
    const coded: unknown = expect.objectContaining({ code: "SPW_ERR_CHUNK" });
    await expect(iterator.next()).rejects.toEqual(coded);
    expect(await source.ended).toEqual({ how: "cancelled", reason: coded });
  });

  test("refuses what is no stream, and tells of a locked one", async () => {
    expect(() => toStreamIter({} as ReadableStream)).toThrow(option);
    const locked = fromIterable(chunks());
    locked.getReader();
    await expect(toStreamIter(locked).next()).rejects.toThrow(TypeError);
  });
});

describe("both ways", () => {
  describe("a writable as a writer as a writable", () => {
    const cases = sinkContract(() => {
      const target = scriptedSink<Uint8Array>();
      const writable = fromStreamIterWriter(toStreamIterWriter(target.writable));
      return { writable, target, chunk: bytesOf, equals: isSame, maxHeldChunks: 3 };
    });
    // A writer can only say that it has failed when it is called next.
    run(cases, [
      "errors with the reason of what is behind",
      "carries an error of what is behind to the source of a pipe",
    ]);
  });

  describe("a readable as batches as a readable", () => {
    const cases = sourceContract(() => {
      const origin = scriptedSource([{ chunks: chunks() }]);
      async function* single(): AsyncGenerator<Uint8Array> {
        for await (const batch of toStreamIter(origin.readable)) yield* batch;
      }
      return { readable: fromIterable(single()), origin, equals: isSame, maxHeldChunks: 2 };
    });
    // An iterator that is left hears that it was, not why, and nothing before it has begun.
    run(cases, [
      "carries a cancel to what is behind",
      "carries a cancel when nothing was read",
      "settles waiting reads when it is cancelled",
      "carries an error of the sink of a pipe",
    ]);
  });
});

describe("fromStreamIterWriter()", () => {
  test("asks synchronously first, then waits", async () => {
    const calls: string[] = [];
    let room = 2;
    const writer: StreamIterWriter = {
      writeSync: (chunk) => {
        calls.push(`sync ${chunk[0]}`);
        return room-- > 0;
      },
      write: async (chunk) => {
        calls.push(`async ${chunk[0]}`);
      },
      endSync: () => -1,
      end: async () => calls.push("end"),
    };
    await fromIterable([1, 2, 3].map((byte) => Uint8Array.of(byte))).pipeTo(
      fromStreamIterWriter(writer),
    );
    expect(calls).toEqual(["sync 1", "sync 2", "sync 3", "async 3", "end"]);
  });

  test("needs no more of a writer than write()", async () => {
    const taken: string[] = [];
    const writer = fromStreamIterWriter({ write: (chunk) => void taken.push(String(chunk)) });
    const writing = writer.getWriter();
    await writing.write("a");
    await writing.close();
    await fromStreamIterWriter({ write: () => {} }).abort("enough");
    expect(taken).toEqual(["97"]);
  });

  test("fails with the very error of the writer, and at what is no bytes", async () => {
    const reason = new Error("The disk is full");
    const throwing = fromStreamIterWriter({
      write: () => {
        throw reason;
      },
    }).getWriter();
    await expect(throwing.write("a")).rejects.toBe(reason);
    await expect(throwing.closed).rejects.toBe(reason);
    const writer = fromStreamIterWriter({ write: () => {} }).getWriter();
    const coded: unknown = expect.objectContaining({ code: "SPW_ERR_CHUNK" });
    await expect(writer.write(5 as never)).rejects.toEqual(coded);
    await expect(writer.closed).rejects.toEqual(coded);
    expect(() => fromStreamIterWriter({} as StreamIterWriter)).toThrow(option);
  });
});

describe("toStreamIterWriter()", () => {
  test("waits while the stream is full, unless its signal aborts", async () => {
    const target = scriptedSink<Uint8Array>(["stall"]);
    const writer = toStreamIterWriter(target.writable);
    await writer.write("a");
    const second = writer.write("b");
    expect(await isSettled(second)).toBe(false);
    const controller = new AbortController();
    const third = writer.write("c", { signal: controller.signal });
    const reason = new Error("Too slow");
    controller.abort(reason);
    await expect(third).rejects.toBe(reason);
    target.release();
    await second;
    expect(await writer.end()).toBe(2);
    expect(target.chunks.map((chunk) => Buffer.from(chunk).toString())).toEqual(["a", "b"]);
  });

  test("rejects the call after a failure with the very error", async () => {
    const reason = new Error("The sink breaks");
    const writer = toStreamIterWriter(sink({ write: () => Promise.reject(reason) }));
    await writer.write("a");
    await settle();
    await expect(writer.write("b")).rejects.toBe(reason);
    writer.fail(new Error("Too late"));
  });

  test("refuses what it cannot write", async () => {
    const locked = sink<Uint8Array>();
    locked.getWriter();
    for (const wrong of [{}, locked]) {
      expect(() => toStreamIterWriter(wrong as WritableStream<Uint8Array>)).toThrow(option);
    }
    const writer = toStreamIterWriter(sink());
    await expect(writer.write(5 as never)).rejects.toMatchObject({ code: "SPW_ERR_CHUNK" });
    await writer.end();
  });
});
