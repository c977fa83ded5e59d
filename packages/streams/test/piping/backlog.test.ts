import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { bounded, fromIterable, map, sink } from "../../src/index.ts";
import {
  ALL_ROUTES,
  failure,
  outcome,
  pipe,
  reasonOf,
  ROUTES,
  throughPump,
  withResolvers,
} from "./rig.ts";

// Where a pipe begins and ends, chunks change hands between the native queues and the pump.

describe.each(ALL_ROUTES)("what an earlier reader left behind, $name", (route) => {
  async function leave(): Promise<ReturnType<typeof route.origin>> {
    const origin = route.origin();
    const reader = origin.readable.getReader();
    const reads = [reader.read(), reader.read()];
    await settle();
    // The second read is given up with its chunk under way.
    origin.enqueue("read");
    expect(await reads[0]).toEqual({ done: false, value: "read" });
    const given = reasonOf(reads[1] as Promise<unknown>);
    reader.releaseLock();
    expect(await given).toBeInstanceOf(TypeError);
    origin.enqueue("left");
    await settle();
    return origin;
  }

  test("comes first", async () => {
    await throughPump(route, async () => {
      const { readable, enqueue, close } = await leave();
      const { writable, log } = route.drain();
      const piped = readable.pipeTo(writable);
      enqueue("a", "b");
      await settle();
      close();
      await piped;
      expect(log).toEqual(["left", "a", "b", "close"]);
    });
  });

  test("comes before the close", async () => {
    const { readable, close } = await leave();
    close();
    await settle();
    const { writable, log } = route.drain();
    await readable.pipeTo(writable);
    expect(log).toEqual(["left", "close"]);
  });

  test("stays where it is while the sink has no room", async () => {
    const { readable } = await leave();
    const { writable, log } = route.drain({ highWaterMark: 0 });
    const abort = new AbortController();
    const { signal } = abort;
    const piped = pipe(readable, writable, { signal, preventAbort: true, preventCancel: true });
    expect(await outcome(piped)).toBe("pending");
    abort.abort();
    await reasonOf(piped);
    expect(log).toEqual([]);
    expect(await readable.getReader().read()).toEqual({ done: false, value: "left" });
  });

  test("stays where it is while earlier writes fill the sink", async () => {
    const { readable } = await leave();
    const drain = route.drain({ isSlow: true });
    const writer = drain.writable.getWriter();
    const earlier = writer.write("earlier");
    writer.releaseLock();
    const abort = new AbortController();
    const { signal } = abort;
    const options = { signal, preventAbort: true, preventCancel: true };
    const piped = pipe(readable, drain.writable, options);
    await settle();
    abort.abort();
    expect(await outcome(piped)).not.toBe("pending");
    drain.release();
    await earlier;
    expect(drain.log).toEqual(["earlier"]);
    expect(await readable.getReader().read()).toEqual({ done: false, value: "left" });
  });

  test("is written, not lost, when the pipe is aborted as it is read", async () => {
    const { readable } = await leave();
    const { writable, log } = route.drain();
    const abort = new AbortController();
    const { signal } = abort;
    const piped = pipe(readable, writable, { signal, preventAbort: true, preventCancel: true });
    await Promise.resolve();
    abort.abort();
    await reasonOf(piped);
    if (log.length === 0) {
      expect(await readable.getReader().read()).toEqual({ done: false, value: "left" });
    } else expect(log).toEqual(["left"]);
  });
});

describe.each(ROUTES)("one pipe after the other, $name", (route) => {
  test("with preventClose: the sink gets the chunks of both, in order", async () => {
    await throughPump(route, async () => {
      const [first, second] = [route.origin(), route.origin()];
      const { writable, log } = route.drain();
      first.enqueue(1, 2);
      const piped = first.readable.pipeTo(writable, { preventClose: true });
      await settle();
      first.close();
      await piped;
      const writer = writable.getWriter();
      await writer.write("between");
      writer.releaseLock();
      second.enqueue(3, 4);
      second.close();
      await second.readable.pipeTo(writable);
      expect(log).toEqual([1, 2, "between", 3, 4, "close"]);
    });
  });

  test("with preventCancel: the source goes on into the next sink", async () => {
    await throughPump(route, async () => {
      const { readable, enqueue, close } = route.origin();
      const [broken, whole] = [route.drain(), route.drain()];
      await settle();
      const first = pipe(readable, broken.writable, { preventCancel: true });
      enqueue(1, 2);
      await settle();
      const reason = failure("sink");
      broken.error(reason);
      expect(await reasonOf(first)).toBe(reason);
      expect(broken.log).toEqual([1, 2]);
      // The platform's pipe has a read under way, and its chunk is lost.
      if (!route.isPumped) enqueue("lost");
      await settle();
      const second = readable.pipeTo(whole.writable);
      enqueue(3, 4);
      await settle();
      close();
      await second;
      const got = whole.log.filter((chunk) => chunk !== "lost");
      expect(got).toEqual([3, 4, "close"]);
    });
  });

  test("with a reader between them", async () => {
    const { readable, enqueue, close } = route.origin();
    const { writable } = route.drain();
    const abort = new AbortController();
    const { signal } = abort;
    const first = pipe(readable, writable, { signal, preventCancel: true });
    await settle();
    abort.abort();
    await reasonOf(first);
    enqueue("a", "b");
    await settle();
    const reader = readable.getReader();
    const chunks = [await reader.read(), await reader.read()].map(({ value }) => value);
    expect(chunks.length).toBe(2);
    if (route.isPumped) expect(chunks).toEqual(["a", "b"]);
    reader.releaseLock();
    const next = route.drain();
    close();
    await readable.pipeTo(next.writable);
    expect(next.log.at(-1)).toBe("close");
  });
});

describe("a source that was left", () => {
  test("is asked for nothing until someone reads", async () => {
    const pair = bounded<number>();
    const writer = pair.writable.getWriter();
    const early = pair.readable.getReader();
    const read = early.read();
    read.catch(() => {});
    await settle();
    early.releaseLock();
    expect(await reasonOf(read)).toBeInstanceOf(TypeError);
    const abort = new AbortController();
    const { signal } = abort;
    const piped = pipe(pair.readable, sink(), { signal, preventCancel: true });
    await settle();
    abort.abort();
    await reasonOf(piped);
    await writer.write(1);
    expect(pair.stats()).toMatchObject({ delivered: 0, queued: 1 });
    expect(await pair.readable.getReader().read()).toEqual({ done: false, value: 1 });
  });
});

describe("a write that the pump began", () => {
  test("is one of the native stream's when the pipe is gone: nothing is written beside it", async () => {
    const held = withResolvers();
    const log: unknown[] = [];
    const writable = sink<unknown>(
      {
        write: (chunk) => {
          log.push(chunk);
          return chunk === 1 ? held.promise : undefined;
        },
        close: () => void log.push("close"),
      },
      { highWaterMark: 5 },
    );
    const abort = new AbortController();
    const { signal } = abort;
    const piped = pipe(fromIterable([1, 2, 3, 4, 5, 6, 7]), writable, {
      signal,
      preventAbort: true,
    });
    await settle();
    abort.abort();
    await reasonOf(piped);
    const writer = writable.getWriter();
    // In flight and held, as in a queue of its own.
    expect(writer.desiredSize).toBe(0);
    const later = [writer.write("later"), writer.close()];
    await settle();
    expect(log).toEqual([1]);
    held.resolve();
    await Promise.all(later);
    expect(log).toEqual([1, 2, 3, 4, 5, "later", "close"]);
  });

  test("is waited for by close()", async () => {
    const held = withResolvers();
    const log: unknown[] = [];
    const writable = sink({ write: () => held.promise, close: () => void log.push("close") });
    const abort = new AbortController();
    const { signal } = abort;
    const piped = pipe(fromIterable([1]), writable, { signal, preventAbort: true });
    await settle();
    abort.abort();
    expect(await outcome(piped)).not.toBe("pending");
    const closing = writable.close();
    await settle();
    expect(log).toEqual([]);
    held.resolve();
    await closing;
    expect(log).toEqual(["close"]);
  });

  test("is given up by abort()", async () => {
    const { promise } = withResolvers();
    const log: unknown[] = [];
    const writable = sink<number>(
      { write: () => promise, abort: (reason) => void log.push(reason) },
      { highWaterMark: 3 },
    );
    const abort = new AbortController();
    const { signal } = abort;
    const piped = pipe(fromIterable([1, 2, 3]), writable, { signal, preventAbort: true });
    await settle();
    abort.abort();
    await reasonOf(piped);
    const reason = failure("abort");
    await writable.abort(reason);
    expect(log).toEqual([reason]);
    expect(await reasonOf(writable.getWriter().closed)).toBe(reason);
  });

  test("fails after the pipe is gone: the native stream errors with that", async () => {
    const held = withResolvers();
    const writable = sink<number>({ write: () => held.promise }, { highWaterMark: 2 });
    const abort = new AbortController();
    const { signal } = abort;
    const piped = pipe(fromIterable([1, 2]), writable, { signal, preventAbort: true });
    await settle();
    abort.abort();
    await reasonOf(piped);
    const reason = failure("write");
    held.reject(reason);
    expect(await reasonOf(writable.getWriter().closed)).toBe(reason);
  });

  test("is followed by what the next pipe brings", async () => {
    const held = withResolvers();
    const log: unknown[] = [];
    const writable = sink<number>(
      {
        write: (chunk) => {
          log.push(chunk);
          return chunk === 1 ? held.promise : undefined;
        },
      },
      { highWaterMark: 2 },
    );
    const abort = new AbortController();
    const { signal } = abort;
    const first = pipe(fromIterable([1, 2, 3]), writable, { signal, preventAbort: true });
    await settle();
    abort.abort();
    await reasonOf(first);
    const second = pipe(fromIterable([4, 5]), writable);
    await settle();
    expect(log).toEqual([1]);
    held.resolve();
    expect(await outcome(second)).toBe("fulfilled");
    expect(log).toEqual([1, 2, 4, 5]);
  });

  test("counts by its size, which is asked for once", async () => {
    const held = withResolvers();
    const log: string[] = [];
    const sized: string[] = [];
    const size = (chunk: string): number => {
      sized.push(chunk);
      return chunk.length;
    };
    const write = (chunk: string): Promise<void> => {
      log.push(chunk);
      return held.promise;
    };
    const writable = sink<string>({ write }, { highWaterMark: 10, size });
    const abort = new AbortController();
    const { signal } = abort;
    const chunks = ["four", "five!", "three", "never"];
    const piped = pipe(fromIterable(chunks), writable, { signal, preventAbort: true });
    await settle();
    abort.abort();
    await reasonOf(piped);
    const writer = writable.getWriter();
    expect(writer.desiredSize).toBe(-4);
    held.resolve();
    await settle();
    expect(writer.desiredSize).toBe(10);
    expect([log, sized]).toEqual([chunks.slice(0, 3), chunks.slice(0, 3)]);
  });
});

describe("a native write that stalls", () => {
  test("holds the pump that came after it, and frees it", async () => {
    const pair = bounded<number>({ highWaterMark: 1 });
    const writer = pair.writable.getWriter();
    const earlier = [writer.write(1), writer.write(2), writer.write(3)];
    writer.releaseLock();
    const piped = pipe(fromIterable([4, 5, 6]), pair.writable);
    await settle();
    const chunks: number[] = [];
    for await (const chunk of pair.readable) chunks.push(chunk);
    await Promise.all([...earlier, piped]);
    expect(chunks).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test.each(["map", "bounded"])("in front of a stage that is not read (%s)", async (name) => {
    const pair = name === "map" ? map((chunk: number) => chunk) : bounded({ highWaterMark: 1 });
    const writer = pair.writable.getWriter();
    const earlier = [writer.write(1), writer.write(2)];
    writer.releaseLock();
    const abort = new AbortController();
    const reason = failure("abort");
    const piped = pipe(fromIterable([3]), pair.writable, { signal: abort.signal });
    expect(await outcome(piped)).toBe("pending");
    const gone = Promise.allSettled(earlier);
    abort.abort(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect((await gone).at(-1)).toEqual({ status: "rejected", reason });
  });
});
