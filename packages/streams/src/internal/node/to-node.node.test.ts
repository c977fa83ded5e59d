import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isSettled, scriptedSink, scriptedSource, settle, waitFor } from "@spillway/testing";
import { describe, expect, test, vi } from "vitest";
import { bounded } from "../../bounded.ts";
import { pumped } from "../../ends.ts";
import { fromIterable } from "../../from-iterable.ts";
import { toNodeDuplex, toNodeReadable, toNodeWritable } from "../../node.ts";
import { sink } from "../../sink.ts";

const option: unknown = expect.objectContaining({ code: "SPW_ERR_OPTION" });
const objects = { objectMode: true } as const;

function* words(count = Infinity): Generator<string> {
  for (let index = 0; index < count; index++) yield `word ${index}`;
}

/** Resolves with what the Node stream failed with, or `undefined`, once it has closed. */
function closing(stream: NodeJS.EventEmitter): Promise<Error | undefined> {
  return new Promise((resolve) => {
    let failure: Error | undefined;
    stream.on("error", (error) => (failure = error));
    stream.on("close", () => resolve(failure));
  });
}

describe("toNodeReadable()", () => {
  test.each([
    ["ours", () => fromIterable(words(100)), 100],
    ["foreign", () => scriptedSource([{ chunks: words(100) }]).readable, 0],
  ])("gives every chunk and ends (%s)", async (_, make, moved) => {
    const before = pumped();
    const web = make();
    const stream = toNodeReadable(web, objects);
    expect(web.locked).toBe(true);
    expect(await stream.toArray()).toEqual([...words(100)]);
    expect(pumped() - before).toBe(moved);
    await settle();
    expect([stream.closed, web.locked]).toEqual([true, false]);
  });

  test("turns strings and every kind of bytes into bytes", async () => {
    const given = new Uint16Array([0x6261, 0x6463]);
    const chunks = ["ä", given, given.buffer, new DataView(given.buffer, 1, 2), new Uint8Array(0)];
    const stream = toNodeReadable(fromIterable(chunks));
    const buffers = (await stream.toArray()) as Buffer[];
    expect(buffers.every((buffer) => Buffer.isBuffer(buffer))).toBe(true);
    expect(Buffer.concat(buffers).toString()).toBe("äabcdabcdbc");
  });

  test("turns bytes into strings of an encoding, whole characters only", async () => {
    const bytes = [...Buffer.from("aä€")].map((byte) => Uint8Array.of(byte));
    const stream = toNodeReadable(fromIterable(bytes), { encoding: "utf8" });
    expect((await stream.toArray()).join("")).toBe("aä€");
  });

  test.each([
    ["bytes", 8, {}],
    ["objects", 3, objects],
  ])("takes up to its mark in %s and one more chunk", async (_, highWaterMark, options) => {
    const source = scriptedSource([{ chunks: words() }]);
    const stream = toNodeReadable(source.readable, { ...options, highWaterMark });
    stream.read(0);
    await settle();
    const filled = options === objects ? 3 : 2;
    expect(source.sent).toHaveLength(filled + 1);
    expect(stream.readableLength).toBe(options === objects ? 3 : "word 0word 1".length);
    stream.destroy();
    await source.ended;
  });

  test.each([null, undefined])("fails at %s, which no byte stream carries", async (chunk) => {
    const source = scriptedSource<unknown>([{ chunks: ["a", chunk] }]);
    const stream = toNodeReadable(source.readable);
    const failure = closing(stream);
    stream.resume();
    expect(await failure).toMatchObject({ code: "SPW_ERR_CHUNK" });
    expect(await source.ended).toEqual({ how: "cancelled", reason: await failure });
  });

  test("fails with Node's own error at what is no bytes", async () => {
    const source = scriptedSource<unknown>([{ chunks: [5] }, "stall"]);
    const stream = toNodeReadable(source.readable);
    const failure = closing(stream);
    stream.resume();
    expect(await failure).toMatchObject({ code: "ERR_INVALID_ARG_TYPE" });
    expect(await source.ended).toEqual({ how: "cancelled", reason: await failure });
  });

  test("is destroyed by the very error of the stream", async () => {
    const reason = new Error("The source breaks");
    const source = scriptedSource([{ chunks: ["a"] }, { error: reason }]);
    const stream = toNodeReadable(source.readable);
    const failure = closing(stream);
    stream.resume();
    expect(await failure).toBe(reason);
  });

  test("is destroyed by a word for a reason, as the cause of an error", async () => {
    const stream = toNodeReadable(scriptedSource([{ error: "gone" }]).readable);
    const failure = closing(stream);
    stream.resume();
    expect(await failure).toMatchObject({ code: "SPW_ERR_ABORTED", cause: "gone" });
  });

  test.each([new Error("Enough"), undefined])("cancels with the error %o", async (reason) => {
    const source = scriptedSource(["stall"]);
    const stream = toNodeReadable(source.readable);
    const failure = closing(stream);
    stream.read();
    await settle();
    stream.destroy(reason);
    expect(await failure).toBe(reason);
    expect(await source.ended).toEqual({ how: "cancelled", reason });
    expect(source.readable.locked).toBe(false);
  });

  test("is destroyed by its signal, before or later, and forgets about it", async () => {
    const reason = new Error("Too slow");
    const early = toNodeReadable(fromIterable(words()), { signal: AbortSignal.abort(reason) });
    expect(await closing(early)).toBe(reason);
    const controller = new AbortController();
    const source = scriptedSource(["stall"]);
    const stream = toNodeReadable(source.readable, { signal: controller.signal });
    const failure = closing(stream);
    controller.abort(reason);
    expect(await failure).toBe(reason);
    expect(await source.ended).toEqual({ how: "cancelled", reason });
    const { signal } = new AbortController();
    const forget = vi.spyOn(signal, "removeEventListener");
    await toNodeReadable(fromIterable(["a"]), { signal }).toArray();
    await settle();
    expect(forget).toHaveBeenCalledWith("abort", expect.any(Function));
  });

  test("refuses what it cannot read", () => {
    const locked = fromIterable(["a"]);
    locked.getReader();
    for (const wrong of [undefined, {}, new Readable(), locked]) {
      expect(() => toNodeReadable(wrong as ReadableStream)).toThrow(option);
    }
  });
});

describe("toNodeWritable()", () => {
  test.each([
    ["ours", true],
    ["foreign", false],
  ])("hands every chunk on, then closes (%s)", async (_, isOurs) => {
    const before = pumped();
    const received: string[] = [];
    let isClosed = false;
    const underlying = {
      write: (chunk: string) => void received.push(chunk),
      close: () => void (isClosed = true),
    };
    const web = isOurs ? sink(underlying) : new WritableStream(underlying);
    const stream = toNodeWritable(web, objects);
    expect(web.locked).toBe(true);
    await pipeline(Readable.from(words(100)), stream);
    expect(received).toEqual([...words(100)]);
    expect([isClosed, web.locked]).toEqual([true, false]);
    expect(pumped() - before).toBe(isOurs ? 100 : 0);
  });

  test("hands on plain bytes, or strings where asked to", async () => {
    const received: unknown[] = [];
    const make = () => sink({ write: (chunk: unknown) => void received.push(chunk) });
    await pipeline(Readable.from(["ä"]), toNodeWritable(make()));
    await pipeline(Readable.from(["ä"]), toNodeWritable(make(), { decodeStrings: false }));
    expect(received).toEqual([new Uint8Array([0xc3, 0xa4]), "ä"]);
    expect(Object.getPrototypeOf(received[0])).toBe(Uint8Array.prototype);
  });

  test.each([
    ["ours", true],
    ["foreign", false],
  ])("fills to its mark while the stream stalls, then drains (%s)", async (_, isOurs) => {
    const received: string[] = [];
    let release: (() => void) | undefined;
    const write = (chunk: string): Promise<void> => {
      received.push(chunk);
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    const web = isOurs ? sink({ write }) : new WritableStream({ write });
    const stream = toNodeWritable(web, { ...objects, highWaterMark: 4 });
    let offered = 0;
    for (const word of words()) {
      offered++;
      if (!stream.write(word)) break;
    }
    await settle();
    expect(received).toEqual(["word 0"]);
    expect(stream.writableNeedDrain).toBe(true);
    stream.end();
    const failure = closing(stream);
    await waitFor(() => {
      release?.();
      return stream.writableFinished;
    });
    expect(await failure).toBe(undefined);
    expect(received).toEqual([...words(offered)]);
  });

  test("is finished only when the stream has closed", async () => {
    let close: (() => void) | undefined;
    const web = sink({
      close: () =>
        new Promise<void>((resolve) => {
          close = resolve;
        }),
    });
    const stream = toNodeWritable(web);
    const finished = new Promise((resolve) => {
      stream.on("finish", resolve);
    });
    stream.end("a");
    expect(await isSettled(finished)).toBe(false);
    close?.();
    await finished;
  });

  test.each([
    ["ours", true],
    ["foreign", false],
  ])("is destroyed by the very error of the stream (%s)", async (_, isOurs) => {
    const reason = new Error("The sink breaks");
    const write = (): Promise<void> => Promise.reject(reason);
    const stream = toNodeWritable(isOurs ? sink({ write }) : new WritableStream({ write }));
    const failure = closing(stream);
    stream.write("a");
    expect(await failure).toBe(reason);
  });

  test("fails to finish with the very error of closing", async () => {
    const reason = new Error("The sink cannot close");
    for (const make of [sink, (given: UnderlyingSink) => new WritableStream(given)]) {
      const stream = toNodeWritable(make({ close: () => Promise.reject(reason) }));
      const failure = closing(stream);
      stream.end("a");
      expect(await failure).toBe(reason);
      expect(stream.writableFinished).toBe(false);
    }
  });

  test("fails with the very error of a stream that breaks just as it is closed", async () => {
    const reason = new Error("The sink breaks");
    let controller: WritableStreamDefaultController | undefined;
    const web = new WritableStream({ start: (own) => void (controller = own) });
    const stream = toNodeWritable(web);
    const failure = closing(stream);
    await settle();
    controller?.error(reason);
    stream.end();
    expect(await failure).toBe(reason);
  });

  test.each([
    ["ours", true],
    ["foreign", false],
  ])("aborts with its error in the midst of a write, and answers it (%s)", async (_, isOurs) => {
    const reason = new Error("Never mind");
    const target = scriptedSink<string>([{ take: 1 }, "stall"]);
    let aborted: unknown;
    const ours = sink<string>({
      write: () => new Promise<void>(() => {}),
      abort: (given) => void (aborted = given),
    });
    const stream = toNodeWritable(isOurs ? ours : target.writable, objects);
    const failure = closing(stream);
    const answers: unknown[] = [];
    for (const word of words(5)) stream.write(word, (error) => answers.push(error));
    await settle();
    stream.destroy(reason);
    expect(await failure).toBe(reason);
    if (isOurs) expect(aborted).toBe(reason);
    else expect(await target.ended).toEqual({ how: "aborted", reason });
    expect(answers).toHaveLength(5);
  });

  test("aborts when it is destroyed without a word before its end", async () => {
    const target = scriptedSink<string>();
    const stream = toNodeWritable(target.writable);
    stream.write("a");
    stream.destroy();
    expect(await target.ended).toMatchObject({
      how: "aborted",
      reason: { code: "SPW_ERR_ABORTED" },
    });
  });

  test("is destroyed by its signal", async () => {
    const reason = new Error("Too slow");
    const controller = new AbortController();
    const target = scriptedSink<string>(["stall"]);
    const stream = toNodeWritable(target.writable, { signal: controller.signal });
    const failure = closing(stream);
    stream.write("a");
    controller.abort(reason);
    expect(await failure).toBe(reason);
    expect(await target.ended).toEqual({ how: "aborted", reason });
  });

  test("refuses what it cannot write", () => {
    const locked = sink();
    locked.getWriter();
    for (const wrong of [undefined, {}, toNodeWritable(sink()), locked]) {
      expect(() => toNodeWritable(wrong as WritableStream)).toThrow(option);
    }
  });
});

describe("toNodeDuplex()", () => {
  test("goes both ways, each side for itself", async () => {
    const received: string[] = [];
    const stream = toNodeDuplex(
      {
        readable: fromIterable(words(3)),
        writable: sink({ write: (chunk: string) => void received.push(chunk) }),
      },
      objects,
    );
    const read: string[] = [];
    stream.on("data", (chunk: string) => read.push(chunk));
    await once(stream, "end");
    expect(read).toEqual([...words(3)]);
    expect(stream.writable).toBe(true);
    stream.end("later");
    await settle();
    expect(received).toEqual(["later"]);
    expect([stream.closed, stream.errored]).toEqual([true, null]);
  });

  test("is a transform where the pair is a stage", async () => {
    const stage = bounded<string>({ highWaterMark: 4 });
    const received: unknown[] = [];
    await pipeline(Readable.from(words(50)), toNodeDuplex(stage, objects), async (source) => {
      for await (const chunk of source) received.push(chunk);
    });
    expect(received).toEqual([...words(50)]);
    expect(stage.stats()).toMatchObject({ delivered: 50, dropped: { chunks: 0 } });
  });

  test("destroys both sides by an error of either", async () => {
    const reason = new Error("The source breaks");
    const source = scriptedSource<string>(["stall"]);
    const target = scriptedSink<string>();
    const stream = toNodeDuplex({ readable: source.readable, writable: target.writable }, objects);
    const failure = closing(stream);
    source.error(reason);
    expect(await failure).toBe(reason);
    expect(await target.ended).toEqual({ how: "aborted", reason });
  });

  test("cancels and aborts with its error", async () => {
    const reason = new Error("Never mind");
    const source = scriptedSource<string>(["stall"]);
    const target = scriptedSink<string>();
    const stream = toNodeDuplex({ readable: source.readable, writable: target.writable }, objects);
    const failure = closing(stream);
    stream.destroy(reason);
    expect(await failure).toBe(reason);
    expect(await source.ended).toEqual({ how: "cancelled", reason });
    expect(await target.ended).toEqual({ how: "aborted", reason });
  });

  test("locks neither stream when one is locked", () => {
    const [readable, writable] = [fromIterable(words()), sink()];
    writable.getWriter();
    expect(() => toNodeDuplex({ readable, writable })).toThrow(option);
    expect(readable.locked).toBe(false);
  });
});
