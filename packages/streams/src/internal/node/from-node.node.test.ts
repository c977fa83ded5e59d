import { Duplex, PassThrough, Readable, Transform, Writable } from "node:stream";
import {
  isSettled,
  scriptedSink,
  scriptedSource,
  settle,
  type SinkEnd,
  type SinkTarget,
  type SourceEnd,
  type SourceOrigin,
  sinkContract,
  sourceContract,
} from "@spillway/testing";
import { describe, expect, test, vi } from "vitest";
import { bounded } from "../../bounded.ts";
import { pumped } from "../../ends.ts";
import { fromIterable } from "../../from-iterable.ts";
import {
  fromNodeDuplex,
  fromNodeReadable,
  fromNodeWritable,
  toNodeReadable,
  toNodeWritable,
} from "../../node.ts";
import { sink } from "../../sink.ts";

const option: unknown = expect.objectContaining({ code: "SPW_ERR_OPTION" });
const closed: unknown = expect.objectContaining({
  code: "SPW_ERR_CLOSED",
  cause: expect.objectContaining({ code: "ERR_STREAM_PREMATURE_CLOSE" }),
});

/** A Node stream that gives numbers for as long as it is asked. */
function numberSource(): { readonly stream: Readable; readonly origin: SourceOrigin<number> } {
  const sent: number[] = [];
  let onEnd: ((end: SourceEnd) => void) | undefined;
  const ended = new Promise<SourceEnd>((resolve) => {
    onEnd = resolve;
  });
  let isBroken = false;
  const stream = new Readable({
    objectMode: true,
    highWaterMark: 1,
    read: () => {
      sent.push(sent.length);
      stream.push(sent.length - 1);
    },
    destroy: (error, done) => {
      const reason: unknown = error ?? undefined;
      onEnd?.({ how: isBroken ? "errored" : "cancelled", reason });
      done(error);
    },
  });
  const close = (): void => {
    stream._read = () => {};
    stream.push(null);
  };
  const error = (reason: unknown): void => {
    isBroken = true;
    stream.destroy(reason as Error);
  };
  return { stream, origin: { sent, ended, close, error } };
}

/** A Node stream that takes numbers, at once or not at all. */
function numberTarget(): { readonly stream: Writable; readonly target: SinkTarget<number> } {
  const chunks: number[] = [];
  let onEnd: ((end: SinkEnd) => void) | undefined;
  const ended = new Promise<SinkEnd>((resolve) => {
    onEnd = resolve;
  });
  let isStalled = false;
  let isBroken = false;
  let held: (() => void) | undefined;
  const hold = (go: () => void): void => {
    if (isStalled) held = go;
    else go();
  };
  const stream = new Writable({
    objectMode: true,
    highWaterMark: 2,
    write: (chunk: number, _, done) => {
      hold(() => {
        chunks.push(chunk);
        done();
      });
    },
    final: (done) => {
      hold(() => {
        onEnd?.({ how: "closed" });
        done();
      });
    },
    destroy: (error, done) => {
      onEnd?.({ how: isBroken ? "errored" : "aborted", reason: error });
      done(error);
    },
  });
  const target: SinkTarget<number> = {
    chunks,
    ended,
    stall: () => {
      isStalled = true;
    },
    release: () => {
      isStalled = false;
      held?.();
    },
    error: (reason) => {
      isBroken = true;
      stream.destroy(reason as Error);
    },
  };
  return { stream, target };
}

function listeners(stream: Readable | Writable): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of stream.eventNames()) counts[String(name)] = stream.listenerCount(name);
  return counts;
}

function counting(): Generator<number> {
  return (function* () {
    for (let count = 0; ; count++) yield count;
  })();
}

async function drain<T>(readable: ReadableStream<T>): Promise<T[]> {
  const chunks: T[] = [];
  for await (const chunk of readable) chunks.push(chunk);
  return chunks;
}

describe("fromNodeReadable()", () => {
  describe("of a Readable", () => {
    const cases = sourceContract(() => {
      const { stream, origin } = numberSource();
      return { readable: fromNodeReadable<number>(stream), origin, maxHeldChunks: 2 };
    });
    for (const { name, run } of cases) test(name, run);
  });

  describe("of a web stream made a Node stream", () => {
    const cases = sourceContract(() => {
      const origin = scriptedSource([{ chunks: counting() }]);
      const stream = toNodeReadable(origin.readable, { objectMode: true, highWaterMark: 1 });
      return { readable: fromNodeReadable<number>(stream), origin, maxHeldChunks: 3 };
    });
    for (const { name, run } of cases) test(name, run);
  });

  test("gives chunks as they came, as plain bytes", async () => {
    const stream = new Readable({ read: () => {} });
    for (const word of ["ab", "c", "def"]) stream.push(Buffer.from(word));
    stream.push(null);
    const chunks = await drain(fromNodeReadable(stream));
    expect(chunks.map((chunk) => Buffer.from(chunk).toString())).toEqual(["ab", "c", "def"]);
    for (const chunk of chunks) expect(Object.getPrototypeOf(chunk)).toBe(Uint8Array.prototype);
  });

  test("gives strings where an encoding is set, whole characters only", async () => {
    const stream = new Readable({ encoding: "utf8", read: () => {} });
    const bytes = Buffer.from("aä€");
    for (const byte of bytes) stream.push(Buffer.of(byte));
    stream.push(null);
    expect((await drain(fromNodeReadable<string>(stream))).join("")).toBe("aä€");
  });

  test("gives objects as they are, and empty ones too", async () => {
    const objects = [{ a: 1 }, "", 0, Buffer.from("kept")];
    const chunks = await drain(fromNodeReadable<unknown>(Readable.from(objects)));
    expect(chunks).toHaveLength(4);
    for (const [index, chunk] of chunks.entries()) expect(chunk).toBe(objects[index]);
  });

  test("takes no more than the Node stream's own mark while nobody reads", async () => {
    let bytes = 0;
    const stream = new Readable({
      highWaterMark: 8 * 1024,
      read: () => {
        bytes += 1024;
        stream.push(Buffer.alloc(1024));
      },
    });
    const reader = fromNodeReadable(stream).getReader();
    await settle();
    expect(bytes).toBe(0);
    await reader.read();
    await settle();
    // What was read, and Node's own queue.
    expect(bytes).toBe(9 * 1024);
    expect(stream.readableLength).toBe(8 * 1024);
    await reader.cancel();
  });

  test("moves chunks without a promise for each into our sinks", async () => {
    const before = pumped();
    const received: number[] = [];
    const stream = Readable.from(Array.from({ length: 100 }, (_, index) => index));
    await fromNodeReadable<number>(stream).pipeTo(sink({ write: (x) => void received.push(x) }));
    expect(received).toHaveLength(100);
    expect(pumped() - before).toBe(100);
  });

  test.each([
    ["objects", () => Readable.from(Array.from({ length: 200 }, (_, index) => `${index},`))],
    ["bytes", () => Readable.from(Buffer.from("1".repeat(99)), { objectMode: false })],
    ["bytes in pieces", () => toNodeReadable(fromIterable(Array.from("0123456789")))],
  ])("goes on after every stall of a stage (%s)", async (_, make) => {
    const whole = (await make().toArray()).map(String).join("");
    const stage = bounded<unknown>({ highWaterMark: 2 });
    let read = "";
    for await (const chunk of fromNodeReadable<unknown>(make()).pipeThrough(stage)) {
      read += typeof chunk === "string" ? chunk : Buffer.from(chunk as Uint8Array).toString();
      if (read.length % 3 === 0) await settle();
    }
    expect(read).toBe(whole);
    expect(stage.stats().dropped.chunks).toBe(0);
  });

  test("keeps the last chunk, and then its end, when whoever asked for it has left", async () => {
    const stream = new Readable({ read: () => {} });
    stream.push("last");
    stream.push(null);
    const readable = fromNodeReadable(stream);
    const controller = new AbortController();
    const { signal } = controller;
    const written: unknown[] = [];
    const into = sink({ write: (chunk) => void written.push(chunk) });
    // Between the pipe's question and Node's answer, which comes a tick later.
    const resume = stream.resume.bind(stream);
    vi.spyOn(stream, "resume").mockImplementation(() => {
      controller.abort("never mind");
      return resume();
    });
    const piped = readable.pipeTo(into, { signal, preventCancel: true });
    await expect(piped).rejects.toBe("never mind");
    await settle();
    expect(written).toEqual([]);
    // Node tells of the end as soon as its queue is empty, paused or not.
    expect(stream.readableEnded).toBe(true);
    const chunks = await drain(readable);
    expect(chunks.map((chunk) => Buffer.from(chunk).toString())).toEqual(["last"]);
  });

  test("goes on after every drain of a Node stream", async () => {
    const received: number[] = [];
    const slow = new Writable({
      objectMode: true,
      highWaterMark: 8,
      write: (chunk: number, _, done) => {
        received.push(chunk);
        setImmediate(done);
      },
    });
    const numbers = Array.from({ length: 200 }, (_, index) => index);
    const stream = Readable.from(numbers, { highWaterMark: 32 });
    await fromNodeReadable<number>(stream).pipeTo(fromNodeWritable(slow));
    expect(received).toEqual(numbers);
  });

  describe("ends", () => {
    test("and leaves no listener", async () => {
      const stream = Readable.from(["a"]);
      const before = listeners(stream);
      await drain(fromNodeReadable(stream));
      expect(listeners(stream)).toEqual(before);
    });

    test("with the very error of the Node stream, and leaves no listener", async () => {
      const error = new Error("The disk is gone");
      const stream = new Readable({ read: () => {} });
      const before = listeners(stream);
      const reader = fromNodeReadable(stream).getReader();
      const read = reader.read();
      stream.destroy(error);
      await expect(read).rejects.toBe(error);
      await settle();
      expect(listeners(stream)).toEqual(before);
    });

    test("with a code when the Node stream is destroyed without a word", async () => {
      const stream = new Readable({ read: () => {} });
      const reader = fromNodeReadable(stream).getReader();
      const read = reader.read();
      stream.destroy();
      await expect(read).rejects.toEqual(closed);
    });

    test("when the Node stream had ended, failed or was destroyed before", async () => {
      const error = new Error("The disk is gone");
      const [ended, failed, gone] = [Readable.from(["a"]), new Readable(), new Readable()];
      await ended.toArray();
      failed.on("error", () => {}).destroy(error);
      gone.destroy();
      await settle();
      expect(await drain(fromNodeReadable(ended))).toEqual([]);
      await expect(drain(fromNodeReadable(failed))).rejects.toBe(error);
      await expect(drain(fromNodeReadable(gone))).rejects.toEqual(closed);
    });

    test("by a cancel that waits until the Node stream has let go", async () => {
      const reason = new Error("Enough");
      let release: (() => void) | undefined;
      const stream = new Readable({
        read: () => {},
        destroy: (error, done) => {
          release = () => done(error);
        },
      });
      const before = listeners(stream);
      const cancelled = fromNodeReadable(stream).cancel(reason);
      expect(await isSettled(cancelled)).toBe(false);
      release?.();
      await cancelled;
      expect(stream.errored).toBe(reason);
      expect(listeners(stream)).toEqual(before);
    });

    test("by a cancel without a reason, which is no error to the Node stream", async () => {
      const stream = new Readable({ read: () => {} });
      await fromNodeReadable(stream).cancel();
      expect([stream.destroyed, stream.errored]).toEqual([true, null]);
    });

    test("by a cancel of a Node stream that never tells that it closed", async () => {
      const stream = new Readable({ read: () => {}, emitClose: false });
      await fromNodeReadable(stream).cancel();
      expect(stream.destroyed).toBe(true);
    });

    test("by a cancel with a word for a reason, which becomes an error's cause", async () => {
      const stream = new Readable({ read: () => {} });
      await fromNodeReadable(stream).cancel("enough");
      expect(stream.errored).toMatchObject({ code: "SPW_ERR_ABORTED", cause: "enough" });
    });

    test("when its signal aborts, before or during a read", async () => {
      const reason = new Error("Too slow");
      const controller = new AbortController();
      const [stream, late] = [new Readable({ read: () => {} }), new Readable({ read: () => {} })];
      const reader = fromNodeReadable(stream, { signal: controller.signal }).getReader();
      const read = reader.read();
      controller.abort(reason);
      await expect(read).rejects.toBe(reason);
      const aborted = fromNodeReadable(late, { signal: AbortSignal.abort(reason) });
      await expect(drain(aborted)).rejects.toBe(reason);
      await settle();
      for (const { errored } of [stream, late]) expect(errored).toBe(reason);
    });
  });

  test("refuses what it cannot read", () => {
    for (const wrong of [undefined, {}, new Writable(), new ReadableStream()]) {
      expect(() => fromNodeReadable(wrong as Readable)).toThrow(option);
    }
    const stream = new Readable();
    expect(() => fromNodeReadable(stream, { signal: {} as AbortSignal })).toThrow(option);
    expect(listeners(stream)).toEqual({});
  });
});

describe("fromNodeWritable()", () => {
  describe("of a Writable", () => {
    const cases = sinkContract(() => {
      const { stream, target } = numberTarget();
      const writable = fromNodeWritable<number>(stream);
      return { writable, target, chunk: (index) => index, maxHeldChunks: 4 };
    });
    for (const { name, run } of cases) test(name, run);
  });

  describe("of a web stream made a Node stream", () => {
    const cases = sinkContract(() => {
      const target = scriptedSink<number>();
      const stream = toNodeWritable(target.writable, { objectMode: true, highWaterMark: 2 });
      const writable = fromNodeWritable<number>(stream);
      return { writable, target, chunk: (index) => index, maxHeldChunks: 6 };
    });
    for (const { name, run } of cases) test(name, run);
  });

  test("keeps to the mark of the Node stream, in bytes", async () => {
    const stream = new Writable({ highWaterMark: 1000, write: () => {} });
    const writer = fromNodeWritable(stream).getWriter();
    writer.closed.catch(() => {});
    for (let count = 0; count < 10; count++) {
      await writer.ready;
      writer.write(new Uint8Array(100)).catch(() => {});
    }
    expect(await isSettled(writer.ready)).toBe(false);
    expect(stream.writableLength).toBe(1000);
    await writer.abort();
  });

  test("takes strings and every kind of bytes", async () => {
    const chunks: Buffer[] = [];
    const stream = new Writable({
      write: (chunk: Buffer, _, done) => {
        chunks.push(chunk);
        done();
      },
    });
    const words = new Uint16Array([0x6261, 0x6463]);
    const writer = fromNodeWritable(stream).getWriter();
    await writer.write("ä");
    await writer.write(words);
    await writer.write(words.buffer);
    await writer.write(new DataView(words.buffer, 1, 2));
    await writer.write(words.subarray(1));
    await writer.close();
    expect(chunks.map(String)).toEqual(["ä", "abcd", "abcd", "bc", "cd"]);
  });

  test("waits for room that others took, and loses nothing", async () => {
    const { stream, target } = numberTarget();
    target.stall();
    while (stream.write(-1));
    const writer = fromNodeWritable<number>(stream).getWriter();
    const written = writer.write(7);
    expect(await isSettled(written)).toBe(false);
    expect(stream.writableLength).toBe(2);
    target.release();
    await written;
    await writer.close();
    expect(target.chunks).toEqual([-1, -1, 7]);
  });

  test("moves chunks without a promise for each from our sources", async () => {
    const before = pumped();
    const { stream, target } = numberTarget();
    await fromIterable([1, 2, 3]).pipeTo(fromNodeWritable<number>(stream));
    expect(target.chunks).toEqual([1, 2, 3]);
    expect(pumped() - before).toBe(3);
  });

  describe("ends", () => {
    test("when the Node stream has finished, and leaves no listener", async () => {
      let finish: (() => void) | undefined;
      const stream = new Writable({
        write: (_, __, done) => done(),
        final: (done) => {
          finish = done;
        },
      });
      const before = listeners(stream);
      const writer = fromNodeWritable(stream).getWriter();
      await writer.write("a");
      const ended = writer.close();
      expect(await isSettled(ended)).toBe(false);
      finish?.();
      await ended;
      expect(stream.writableFinished).toBe(true);
      expect(listeners(stream)).toEqual(before);
    });

    test("with the very error of the Node stream, also while it closes", async () => {
      const error = new Error("The disk is full");
      const stream = new Writable({
        write: (_, __, done) => done(),
        final: (done) => done(error),
      });
      const writer = fromNodeWritable(stream).getWriter();
      await expect(writer.close()).rejects.toBe(error);
      await expect(writer.closed).rejects.toBe(error);
    });

    test("with a code when others destroy or end the Node stream", async () => {
      const make = () => new Writable({ write: (_, __, done) => done() });
      const [destroyed, ended] = [make(), make()];
      const [first, second] = [destroyed, ended].map((stream) => fromNodeWritable(stream));
      destroyed.destroy();
      ended.end();
      await expect(first?.getWriter().closed).rejects.toEqual(closed);
      await expect(second?.getWriter().closed).rejects.toMatchObject({ code: "SPW_ERR_CLOSED" });
      await expect(fromNodeWritable(ended).getWriter().closed).rejects.toMatchObject({
        code: "SPW_ERR_CLOSED",
      });
    });

    test("with what the Node stream threw at a chunk it cannot take", async () => {
      const stream = new Writable({ write: (_, __, done) => done() });
      const writer = fromNodeWritable<unknown>(stream).getWriter();
      const refused = expect.objectContaining({ code: "ERR_INVALID_ARG_TYPE" });
      await expect(writer.write(5)).rejects.toEqual(refused);
      await expect(writer.closed).rejects.toEqual(refused);
      await settle();
      expect(stream.errored).toEqual(refused);
    });

    test("by an abort with a write under way, at once", async () => {
      const reason = new Error("Never mind");
      const stream = new Writable({ highWaterMark: 1, write: () => {} });
      const before = listeners(stream);
      const writer = fromNodeWritable(stream).getWriter();
      const written = writer.write("a");
      expect(await isSettled(written)).toBe(false);
      const outcome = expect(written).rejects.toBe(reason);
      await writer.abort(reason);
      await outcome;
      expect(stream.errored).toBe(reason);
      expect(listeners(stream)).toEqual(before);
    });

    test("when its signal aborts", async () => {
      const reason = new Error("Too slow");
      const controller = new AbortController();
      const stream = new Writable({ highWaterMark: 1, write: () => {} });
      const writer = fromNodeWritable(stream, { signal: controller.signal }).getWriter();
      const written = writer.write("a");
      controller.abort(reason);
      await expect(written).rejects.toBe(reason);
      await settle();
      expect(stream.errored).toBe(reason);
    });
  });

  test("refuses what it cannot write", () => {
    for (const wrong of [undefined, {}, new Readable(), new WritableStream()]) {
      expect(() => fromNodeWritable(wrong as Writable)).toThrow(option);
    }
    const strategy = { writableStrategy: { highWaterMark: -1 } };
    expect(() => fromNodeWritable(new Writable(), strategy)).toThrow(option);
  });
});

describe("fromNodeDuplex()", () => {
  test("is a stage where the duplex is a transform", async () => {
    const stream = new PassThrough({ objectMode: true });
    const before = pumped();
    const chunks = await drain(fromIterable([1, 2, 3]).pipeThrough(fromNodeDuplex(stream)));
    expect(chunks).toEqual([1, 2, 3]);
    expect(pumped() - before).toBe(3);
  });

  test("errors both sides with the error of a transform", async () => {
    const error = new Error("Bad magic number");
    const stream = new Transform({ transform: (_, __, done) => done(error) });
    const { readable, writable } = fromNodeDuplex(stream);
    const writer = writable.getWriter();
    writer.write("a").catch(() => {});
    await expect(readable.getReader().read()).rejects.toBe(error);
    await expect(writer.closed).rejects.toBe(error);
  });

  test("cancels both sides of a transform", async () => {
    const reason = new Error("Enough");
    const stream = new PassThrough();
    const { readable, writable } = fromNodeDuplex(stream);
    await readable.cancel(reason);
    await expect(writable.getWriter().closed).rejects.toBe(reason);
    expect(stream.errored).toBe(reason);
  });

  test("goes on writing when reading was cancelled, discards what comes, and lets go", async () => {
    const written: string[] = [];
    const stream = new Duplex({
      highWaterMark: 4,
      read: () => {},
      write: (chunk: Buffer, _, done) => {
        written.push(chunk.toString());
        done();
      },
    });
    const before = listeners(stream);
    const { readable, writable } = fromNodeDuplex(stream);
    await readable.cancel("deaf");
    for (let count = 0; count < 10; count++) stream.push("noise");
    await settle();
    expect(stream.readableLength).toBe(0);
    const writer = writable.getWriter();
    await writer.write("a");
    await writer.close();
    await settle();
    expect(written).toEqual(["a"]);
    expect([stream.destroyed, stream.errored]).toEqual([true, null]);
    expect(listeners(stream)).toEqual(before);
  });

  test("goes on reading when writing has ended", async () => {
    const stream = new Duplex({ read: () => {}, write: (_, __, done) => done() });
    const { readable, writable } = fromNodeDuplex(stream);
    await writable.close();
    stream.push("still there");
    stream.push(null);
    const chunks = await drain(readable);
    expect(chunks.map((chunk) => Buffer.from(chunk).toString())).toEqual(["still there"]);
  });
});
