import { describe, expect, test } from "vitest";
import { isSettled } from "./is-settled.ts";
import { scriptedSink, type ScriptedSinkOptions, type SinkStep } from "./scripted-sink.ts";
import { scriptedSource } from "./scripted-source.ts";
import { settle } from "./settle.ts";
import { virtualClock } from "./virtual-clock.ts";

/** A writer whose rejections, where a test does not look at them, are no crash. */
function writerOf<T>({ writable }: { readonly writable: WritableStream<T> }): {
  readonly writer: WritableStreamDefaultWriter<T>;
  readonly write: (chunk: T) => Promise<void>;
} {
  const writer = writable.getWriter();
  for (const promise of [writer.ready, writer.closed]) promise.catch(() => {});
  const write = (chunk: T): Promise<void> => {
    const written = writer.write(chunk);
    written.catch(() => {});
    return written;
  };
  return { writer, write };
}

describe("scriptedSink()", () => {
  test("takes everything at once without a script", async () => {
    const sink = scriptedSink<number>();
    await scriptedSource([{ chunks: [1, 2, 3] }]).readable.pipeTo(sink.writable);
    expect(sink.chunks).toEqual([1, 2, 3]);
    expect(sink.maxHeld).toBe(1);
    expect(await sink.ended).toEqual({ how: "closed" });
    expect(sink.writable).toBeInstanceOf(WritableStream);
  });

  test("takes chunks at its own pace", async () => {
    const clock = virtualClock();
    const sink = scriptedSink<number>([{ take: 2, msEach: 100 }], { clock });
    const piped = scriptedSource([{ chunks: [1, 2, 3] }]).readable.pipeTo(sink.writable);
    await clock.advance(99);
    expect(sink.chunks).toEqual([]);
    await clock.advance(1);
    expect(sink.chunks).toEqual([1]);
    await clock.advance(100);
    expect(sink.chunks).toEqual([1, 2, 3]);
    await piped;
    expect(clock.pendingTimers).toBe(0);
  });

  test("tells a producer that waits from one that does not", async () => {
    const [polite, rude] = [scriptedSink<number>(["stall"]), scriptedSink<number>(["stall"])];
    const chunks = Array.from({ length: 20 }, (_, index) => index);
    const piped = scriptedSource([{ chunks }]).readable.pipeTo(polite.writable);
    const { write } = writerOf(rude);
    for (const chunk of chunks) void write(chunk);
    await settle();
    expect([polite.maxHeld, rude.maxHeld]).toEqual([1, 20]);
    for (const sink of [polite, rude]) sink.release();
    await piped;
    await settle();
    expect([polite.maxHeld, rude.maxHeld]).toEqual([1, 20]);
    expect(rude.chunks).toEqual(chunks);
  });

  test("stalls until it is released, by its script and on demand", async () => {
    const sink = scriptedSink<number>([{ take: 1 }, "stall"]);
    const { write } = writerOf(sink);
    await write(1);
    const second = write(2);
    expect([await isSettled(second), sink.stalled]).toEqual([false, true]);
    sink.release();
    await second;
    sink.stall();
    const third = write(3);
    expect([await isSettled(third), sink.stalled]).toEqual([false, true]);
    sink.release();
    await third;
    expect(sink.chunks).toEqual([1, 2, 3]);
    expect(() => sink.release()).toThrow("Cannot release the sink: it is not stalled");
  });

  test("holds a close as it holds a write", async () => {
    const sink = scriptedSink<number>([{ take: 5 }]);
    sink.stall();
    const { writer } = writerOf(sink);
    const closing = writer.close();
    expect([await isSettled(closing), sink.end]).toEqual([false, undefined]);
    sink.release();
    await closing;
    expect(sink.end).toEqual({ how: "closed" });
  });

  test("fails the write that its script names", async () => {
    const reason = new Error("full");
    const sink = scriptedSink<number>([{ take: 1 }, { error: reason }]);
    const { writer, write } = writerOf(sink);
    await write(1);
    await expect(write(2)).rejects.toBe(reason);
    await expect(writer.closed).rejects.toBe(reason);
    expect(sink.chunks).toEqual([1]);
    expect(await sink.ended).toEqual({ how: "errored", reason });
  });

  test("fails on demand, with nothing written and with a write held", async () => {
    const reason = new Error("reset");
    const idle = scriptedSink<number>();
    idle.error(reason);
    await expect(writerOf(idle).write(1)).rejects.toBe(reason);

    const held = scriptedSink<number>(["stall"]);
    const { writer, write } = writerOf(held);
    const writes = [write(1), write(2)];
    await settle();
    held.error(reason);
    for (const written of writes) await expect(written).rejects.toBe(reason);
    await expect(writer.closed).rejects.toBe(reason);
    expect(held.end).toEqual({ how: "errored", reason });
    held.error(new Error("again"));
    expect(held.end?.reason).toBe(reason);
  });

  test.each<[string, SinkStep]>([
    ["stalled", "stall"],
    ["slow", { take: 1, msEach: 50 }],
  ])("settles a %s write when it is aborted", async (_name, step) => {
    const clock = virtualClock();
    const sink = scriptedSink<number>([step], { clock });
    const { writer, write } = writerOf(sink);
    const held = write(1);
    await settle();
    const reason = new Error("given up");
    await writer.abort(reason);
    await expect(held).rejects.toBe(reason);
    expect(await sink.ended).toEqual({ how: "aborted", reason });
    expect([clock.pendingTimers, sink.stalled, sink.chunks]).toEqual([0, false, []]);
  });

  test("goes on with a held write when it is told to, as most sinks do", async () => {
    const sink = scriptedSink<number>(["stall"], { whenAborted: "go-on" });
    const { writer, write } = writerOf(sink);
    const held = write(1);
    await settle();
    const aborting = writer.abort("given up");
    expect(await isSettled(aborting)).toBe(false);
    sink.release();
    await aborting;
    await held;
    expect(sink.chunks).toEqual([1]);
    expect(sink.end).toEqual({ how: "aborted", reason: "given up" });
  });

  test("has the mark it is given", () => {
    const { writable } = scriptedSink<number>([], { highWaterMark: 3 });
    expect(writable.getWriter().desiredSize).toBe(3);
  });

  test.each([
    [[{ take: -1 }], {}, RangeError, "Cannot use option take: got -1"],
    [[{ take: 1.5 }], {}, RangeError, "want a whole number"],
    [[{ take: 1, msEach: -5 }], {}, RangeError, "Cannot use option msEach: got -5"],
    [["slow"], {}, TypeError, "Cannot use option script: got string"],
    [[null], {}, TypeError, "Cannot use option script: got null"],
    [[], { whenAborted: "ignore" }, RangeError, 'want one of "reject", "go-on"'],
    [[], { highWaterMark: -1 }, RangeError, "Cannot use option highWaterMark"],
  ])("refuses %j %j", (script, options, kind, message) => {
    const make = (): unknown =>
      scriptedSink(script as SinkStep[], options as unknown as ScriptedSinkOptions);
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });

  test("takes no end of chunks", async () => {
    const sink = scriptedSink<number>([{ take: Infinity }, { error: "never" }]);
    const chunks = Array.from({ length: 500 }, (_, index) => index);
    await scriptedSource([{ chunks }]).readable.pipeTo(sink.writable);
    expect(sink.chunks.length).toBe(500);
  });
});
