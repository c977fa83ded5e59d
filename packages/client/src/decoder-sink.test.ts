import { scriptedSink, isSettled, settle, sinkContract } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { type ChunkDecoder, decoderSink } from "./decoder-sink.ts";

/** A decoder that decodes when it is told to. */
class ScriptedDecoder extends EventTarget implements ChunkDecoder<number> {
  state: "unconfigured" | "configured" | "closed" = "configured";
  readonly queue: number[] = [];
  readonly decoded: number[] = [];
  readonly calls: string[] = [];
  listeners = 0;

  get decodeQueueSize(): number {
    return this.queue.length;
  }

  decode(chunk: number): void {
    if (Number.isNaN(chunk)) throw new DOMException("no key frame", "DataError");
    this.queue.push(chunk);
  }

  async flush(): Promise<void> {
    this.calls.push("flush");
    if (this.state === "closed") throw new DOMException("closed", "InvalidStateError");
    this.decoded.push(...this.queue.splice(0));
  }

  reset(): void {
    if (this.state === "closed") throw new DOMException("closed", "InvalidStateError");
    this.calls.push("reset");
    this.state = "unconfigured";
    this.queue.length = 0;
  }

  /** Decodes so many, and then tells once, as decoders may. */
  run(chunks: number): void {
    this.decoded.push(...this.queue.splice(0, chunks));
    this.dispatchEvent(new Event("dequeue"));
  }

  /** As decoders do: what waits is gone, and `dequeue` tells. */
  fail(): void {
    this.state = "closed";
    this.queue.length = 0;
    this.dispatchEvent(new Event("dequeue"));
  }

  override addEventListener(...added: Parameters<EventTarget["addEventListener"]>): void {
    this.listeners++;
    super.addEventListener(...added);
  }

  override removeEventListener(...removed: Parameters<EventTarget["removeEventListener"]>): void {
    this.listeners--;
    super.removeEventListener(...removed);
  }
}

async function nameOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "resolved",
    (error: { name?: string }) => error.name ?? error,
  );
}

describe("decoderSink()", () => {
  describe("keeps the contract of a sink", () => {
    const cases = sinkContract(() => {
      const target = scriptedSink<number>();
      const writer = target.writable.getWriter();
      let waiting = 0;
      const writable = decoderSink<number>((fail) => {
        writer.closed.catch(fail);
        const events = new EventTarget();
        return {
          state: "configured",
          get decodeQueueSize() {
            return waiting;
          },
          decode(chunk) {
            waiting++;
            const done = (): void => {
              waiting--;
              events.dispatchEvent(new Event("dequeue"));
            };
            writer
              .write(chunk)
              .catch(() => {})
              .finally(done);
          },
          flush: async () => writer.close(),
          reset: () => void writer.abort("reset"),
          addEventListener: (type, listener) => events.addEventListener(type, listener),
          removeEventListener: (type, listener) => events.removeEventListener(type, listener),
        };
      });
      return { writable, target, chunk: (index) => index, maxHeldChunks: 3 };
    });
    // `reset()` takes no reason: those that look for it behind the decoder are tested below.
    const withReason = [
      "carries an abort to what is behind",
      "settles a held write when it is aborted",
      "settles a held close when it is aborted",
      "carries an error of the source of a pipe",
    ];
    const others = cases.filter(({ name }) => !withReason.includes(name));
    expect(others).toHaveLength(cases.length - withReason.length);
    for (const { name, run } of others) test(name, run);
  });

  test("holds a writer while as much waits in the decoder as may", async () => {
    const decoder = new ScriptedDecoder();
    const writer = decoderSink(decoder, { maxQueue: 3 }).getWriter();
    const writes = [0, 1, 2, 3, 4].map(async (chunk) => writer.write(chunk));
    await settle();
    expect(decoder.queue).toEqual([0, 1, 2]);
    // The third has left no room for another.
    expect(await Promise.all(writes.map(async (write) => isSettled(write)))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    decoder.run(1);
    await settle();
    expect(decoder.queue).toEqual([1, 2, 3]);
    decoder.run(3);
    await Promise.all(writes);
    expect([decoder.queue, decoder.decoded, decoder.listeners]).toEqual([[4], [0, 1, 2, 3], 0]);
  });

  test("takes nothing of a pipe while the decoder is full", async () => {
    const decoder = new ScriptedDecoder();
    let pulled = 0;
    const source = new ReadableStream<number>(
      { pull: (controller) => controller.enqueue(pulled++) },
      { highWaterMark: 0 },
    );
    const piped = source.pipeTo(decoderSink(decoder));
    await settle();
    expect([pulled, decoder.queue]).toEqual([2, [0, 1]]);
    for (let round = 0; round < 10; round++) {
      decoder.run(1);
      await settle();
    }
    expect([pulled, decoder.decoded.length]).toEqual([12, 10]);
    decoder.fail();
    expect(await nameOf(piped)).toBe("InvalidStateError");
  });

  test("waits for room that another one has taken", async () => {
    const decoder = new ScriptedDecoder();
    decoder.queue.push(7, 8);
    const writer = decoderSink(decoder).getWriter();
    const write = writer.write(1);
    await settle();
    expect(decoder.queue).toEqual([7, 8]);
    decoder.run(1);
    await settle();
    expect(decoder.queue).toEqual([8, 1]);
    decoder.run(2);
    await write;
  });

  test("flushes when it is closed, behind what was written", async () => {
    const decoder = new ScriptedDecoder();
    const writer = decoderSink(decoder).getWriter();
    void writer.write(1);
    void writer.write(2);
    const closed = writer.close();
    await settle();
    expect(decoder.calls).toEqual([]);
    decoder.run(1);
    await closed;
    expect([decoder.calls, decoder.decoded]).toEqual([["flush"], [1, 2]]);
  });

  test("has nothing to flush in a decoder that was never configured", async () => {
    const decoder = new ScriptedDecoder();
    decoder.state = "unconfigured";
    await decoderSink(decoder).close();
    expect(decoder.calls).toEqual([]);
  });

  test("resets the decoder when it is aborted, at once, and settles what waits", async () => {
    const decoder = new ScriptedDecoder();
    const writer = decoderSink(decoder).getWriter();
    const writes = [1, 2, 3].map(async (chunk) => nameOf(writer.write(chunk)));
    await settle();
    await writer.abort(new TypeError("enough"));
    expect(await Promise.all(writes)).toEqual(["resolved", "TypeError", "TypeError"]);
    expect([decoder.calls, decoder.listeners]).toEqual([["reset"], 0]);
  });

  test("resets the decoder when it is aborted while it is flushing", async () => {
    const decoder = new ScriptedDecoder();
    decoder.flush = async () => new Promise<void>(() => {});
    const writer = decoderSink(decoder).getWriter();
    const closed = nameOf(writer.close());
    await settle();
    await writer.abort(new TypeError("enough"));
    expect([await closed, decoder.calls]).toEqual(["TypeError", ["reset"]]);
  });

  test("resets the decoder when the source of a pipe errors", async () => {
    const decoder = new ScriptedDecoder();
    const source = new ReadableStream<number>({
      start: (controller) => controller.error(new TypeError("lost")),
    });
    expect(await nameOf(source.pipeTo(decoderSink(decoder)))).toBe("TypeError");
    expect(decoder.calls).toEqual(["reset"]);
  });

  test("errors when a decoder that it was given fails, and leaves it alone", async () => {
    const decoder = new ScriptedDecoder();
    const writer = decoderSink(decoder).getWriter();
    const writes = [1, 2, 3].map(async (chunk) => nameOf(writer.write(chunk)));
    await settle();
    decoder.fail();
    expect(await Promise.all(writes)).toEqual([
      "resolved",
      "InvalidStateError",
      "InvalidStateError",
    ]);
    expect(await nameOf(writer.closed)).toBe("InvalidStateError");
    await nameOf(writer.abort());
    expect(decoder.calls).toEqual([]);
  });

  test("errors with what the decoder fails with, also while nothing is written", async () => {
    let fail: (error: unknown) => void = () => {};
    const decoder = new ScriptedDecoder();
    const writer = decoderSink<number>((failed) => {
      fail = failed;
      return decoder;
    }).getWriter();
    await writer.write(1);
    fail(new DOMException("broken", "EncodingError"));
    expect(await nameOf(writer.closed)).toBe("EncodingError");
  });

  test("errors with what a chunk makes the decoder throw", async () => {
    const writer = decoderSink(new ScriptedDecoder()).getWriter();
    expect(await nameOf(writer.write(Number.NaN))).toBe("DataError");
    expect(await nameOf(writer.closed)).toBe("DataError");
  });

  test("errors when flushing fails", async () => {
    const decoder = new ScriptedDecoder();
    const writer = decoderSink(decoder).getWriter();
    decoder.state = "closed";
    expect(await nameOf(writer.close())).toBe("InvalidStateError");
  });

  test("refuses options that are none", () => {
    expect(() => decoderSink(new ScriptedDecoder(), { maxQueue: 0 })).toThrow(RangeError);
    expect(() => decoderSink({} as ChunkDecoder<number>)).toThrow(TypeError);
  });
});
