import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { EMPTY, ReadableEnd, type Sink, type Source, WritableEnd } from "../../src/ends.ts";
import { bounded, fromIterable, map, sink } from "../../src/index.ts";
import { ALL_ROUTES, failure, outcome, pipe, reasonOf, ROUTES, withResolvers } from "./rig.ts";

// The pump calls user code in the middle of its work, and that may call back into the same pipe.

const reason = failure("within");

describe.each(ALL_ROUTES)("the sink feeds its own source, $name", (route) => {
  test("each chunk makes the next: order, and nothing lost", async () => {
    const origin = route.origin();
    const { writable, log } = route.drain({
      highWaterMark: 4,
      write: (chunk) => {
        if (chunk === 5) origin.close();
        else origin.enqueue((chunk as number) + 1);
      },
    });
    const piped = origin.readable.pipeTo(writable);
    origin.enqueue(1);
    await piped;
    expect(log).toEqual([1, 2, 3, 4, 5, "close"]);
  });

  test("several at a time", async () => {
    const origin = route.origin();
    const { writable, log } = route.drain({
      write: (chunk) => {
        if (chunk === "root") origin.enqueue("a", "b", "c");
        if (chunk === "b") {
          origin.enqueue("d");
          origin.close();
        }
      },
    });
    const piped = origin.readable.pipeTo(writable);
    origin.enqueue("root");
    await piped;
    expect(log).toEqual(["root", "a", "b", "c", "d", "close"]);
  });

  test("from size(), too: no chunk overtakes the one that is measured", async () => {
    const origin = route.origin();
    const { writable, log } = route.drain({
      highWaterMark: 10,
      size: (chunk) => {
        if (chunk === 1) origin.enqueue(2, 3);
        if (chunk === 3) origin.close();
        return 1;
      },
    });
    const piped = origin.readable.pipeTo(writable);
    origin.enqueue(1);
    await piped;
    expect(log).toEqual([1, 2, 3, "close"]);
  });
});

describe.each(ROUTES)("the sink ends its own pipe as it writes, $name", (route) => {
  test("it closes the source", async () => {
    const origin = route.origin();
    const { writable, log } = route.drain({ write: () => origin.close() });
    const piped = origin.readable.pipeTo(writable);
    origin.enqueue("a");
    await piped;
    expect(log).toEqual(["a", "close"]);
  });

  test("it errors the source", async () => {
    const origin = route.origin();
    const { writable, log } = route.drain({ write: () => origin.error(reason) });
    const piped = origin.readable.pipeTo(writable);
    origin.enqueue("a");
    expect(await reasonOf(piped)).toBe(reason);
    expect(log).toEqual(["a", { aborted: reason }]);
  });

  test("it errors itself, and pushes one more", async () => {
    const origin = route.origin();
    const drain = route.drain({
      highWaterMark: 4,
      write: () => {
        drain.error(reason);
        if (route.from !== "native") origin.enqueue("late");
      },
    });
    const piped = origin.readable.pipeTo(drain.writable);
    origin.enqueue("a");
    expect(await reasonOf(piped)).toBe(reason);
    expect(drain.log).toEqual(["a"]);
    expect(origin.cancels).toEqual([reason]);
  });

  test("it closes the source in the middle of many", async () => {
    const origin = route.origin();
    const { writable, log } = route.drain({
      highWaterMark: 2,
      write: (chunk) => {
        if (chunk === 2) origin.close();
      },
    });
    const piped = origin.readable.pipeTo(writable);
    origin.enqueue(1, 2, 3, 4);
    await piped;
    expect(log).toEqual([1, 2, 3, 4, "close"]);
  });
});

describe("the iterator acts as it is asked", () => {
  test("next() aborts its own pipe: nothing more is asked for or written", async () => {
    const abort = new AbortController();
    const log: unknown[] = [];
    let asked = 0;
    const source = fromIterable({
      *[Symbol.iterator]() {
        for (;;) {
          if (++asked === 3) abort.abort(reason);
          yield asked;
        }
      },
    });
    const drain = sink<number>({
      write: (chunk) => void log.push(chunk),
      abort: (given) => void log.push(given),
    });
    expect(await reasonOf(source.pipeTo(drain, { signal: abort.signal }))).toBe(reason);
    expect(log.slice(0, 2)).toEqual([1, 2]);
    expect(log.at(-1)).toBe(reason);
    expect(asked).toBe(3);
  });

  test("next() errors the destination", async () => {
    let controller!: WritableStreamDefaultController;
    let asked = 0;
    let isReturned = false;
    const source = fromIterable<number>({
      [Symbol.iterator]: () => ({
        next: () => {
          if (++asked === 2) controller.error(reason);
          return { done: false, value: asked };
        },
        return: () => {
          isReturned = true;
          return { done: true, value: undefined };
        },
      }),
    });
    const log: number[] = [];
    const drain = sink<number>({
      start: (given) => {
        controller = given;
      },
      write: (chunk) => void log.push(chunk),
    });
    expect(await reasonOf(source.pipeTo(drain))).toBe(reason);
    expect([log, asked, isReturned]).toEqual([[1], 2, true]);
  });

  test("next() reads what comes out of the pipe", async () => {
    const reads: Promise<ReadableStreamReadResult<number>>[] = [];
    let reader!: ReadableStreamDefaultReader<number>;
    const source = fromIterable({
      *[Symbol.iterator]() {
        for (let number = 1; number <= 4; number++) {
          reads.push(reader.read());
          yield number;
        }
      },
    });
    const stage = map((chunk: number) => chunk);
    reader = stage.readable.getReader();
    const first = reader.read();
    await source.pipeTo(stage.writable);
    expect((await Promise.all([first, ...reads])).map(({ value }) => value)).toEqual([
      1,
      2,
      3,
      4,
      undefined,
    ]);
  });

  test("next() cancels what comes out of the pipe", async () => {
    let reader!: ReadableStreamDefaultReader<number>;
    let asked = 0;
    const source = fromIterable({
      *[Symbol.iterator]() {
        for (;;) {
          if (++asked === 3) void reader.cancel(reason);
          yield asked;
        }
      },
    });
    const stage = bounded<number>();
    reader = stage.readable.getReader();
    expect(await reasonOf(source.pipeTo(stage.writable))).toBe(reason);
    expect(asked).toBe(3);
    expect(await reader.read()).toEqual({ done: true, value: undefined });
  });

  test("next() of one pipe drives another", async () => {
    const inner = bounded<number>();
    const writer = inner.writable.getWriter();
    const [inside, outside]: number[][] = [[], []];
    const piped = inner.readable.pipeTo(sink({ write: (chunk) => void inside?.push(chunk) }));
    await settle();
    const source = fromIterable({
      *[Symbol.iterator]() {
        for (let number = 1; number <= 300; number++) {
          writer.write(number).catch(() => {});
          yield number;
        }
      },
    });
    await source.pipeTo(sink({ write: (chunk) => void outside?.push(chunk) }));
    await writer.close();
    await piped;
    expect(inside).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    expect(outside).toEqual(inside);
  });
});

/** A source that tests push into, with nothing of its own. */
function pushed(): { end: ReadableEnd<number>; left: number[] } {
  const left: number[] = [];
  const source: Source<number> = {
    take: () => (left.length > 0 ? (left.shift() as number) : EMPTY),
    cancel: () => {},
  };
  return { end: new ReadableEnd(source), left };
}

describe("a sink of one's own", () => {
  test("that refuses, and is woken within put(), gets the same chunk again", async () => {
    const log: string[] = [];
    let refusals = 0;
    const core: Sink<number> = {
      put: (chunk) => {
        log.push(`${chunk}`);
        if (refusals++ % 2 === 0) {
          queueMicrotask(() => end.wake());
          return false;
        }
        return true;
      },
      close: () => void log.push("close"),
      abort: () => {},
    };
    const end: WritableEnd<number> = new WritableEnd(core);
    await fromIterable([1, 2, 3]).pipeTo(end.stream);
    expect(log).toEqual(["1", "1", "2", "2", "3", "3", "close"]);
  });

  test("that wakes for no reason, at every call, is asked once for each chunk", async () => {
    const log: number[] = [];
    const core: Sink<number> = {
      put: (chunk) => {
        end.wake();
        log.push(chunk);
        end.wake();
        return true;
      },
      close: () => end.wake(),
      abort: () => {},
    };
    const end: WritableEnd<number> = new WritableEnd(core, { highWaterMark: 3 });
    const writer = end.stream.getWriter();
    await writer.write(0);
    writer.releaseLock();
    await fromIterable([1, 2, 3]).pipeTo(end.stream);
    expect(log).toEqual([0, 1, 2, 3]);
  });

  test("that wakes while a write is under way is not given the next one", async () => {
    let inFlight = 0;
    let most = 0;
    const core: Sink<number> = {
      put: async () => {
        most = Math.max(most, ++inFlight);
        queueMicrotask(() => end.wake());
        await settle();
        inFlight--;
      },
      close: () => {},
      abort: () => {},
    };
    const end: WritableEnd<number> = new WritableEnd(core, { highWaterMark: 4 });
    await fromIterable([1, 2, 3, 4, 5]).pipeTo(end.stream);
    expect(most).toBe(1);
  });

  test("whose write rejects, without a word to its end, errors it", async () => {
    const core: Sink<number> = {
      put: () => Promise.reject(reason),
      close: () => {},
      abort: () => {},
    };
    for (const isPiped of [true, false]) {
      const end = new WritableEnd<number>(core);
      if (isPiped) expect(await reasonOf(fromIterable([1]).pipeTo(end.stream))).toBe(reason);
      else {
        const writer = end.stream.getWriter();
        expect(await reasonOf(writer.write(1))).toBe(reason);
        writer.releaseLock();
      }
      expect([end.state, end.reason]).toEqual(["errored", reason]);
      expect(await reasonOf(end.stream.getWriter().closed)).toBe(reason);
    }
  });

  test("may fail with a refusal", async () => {
    const core: Sink<number> = {
      put: () => {
        end.error(reason);
        return false;
      },
      close: () => {},
      abort: () => {},
    };
    let end = new WritableEnd<number>(core);
    expect(await reasonOf(fromIterable([1]).pipeTo(end.stream))).toBe(reason);
    end = new WritableEnd<number>(core);
    expect(await reasonOf(end.stream.getWriter().write(1))).toBe(reason);
  });
});

describe("a source of one's own", () => {
  test("that is woken again and again without a chunk is not asked in between", async () => {
    const { end, left } = pushed();
    const log: number[] = [];
    const piped = pipe(end.stream, sink({ write: (chunk) => void log.push(chunk) }));
    await settle();
    for (let wake = 0; wake < 100; wake++) end.wake();
    expect(log).toEqual([]);
    left.push(1, 2);
    end.wake();
    expect(log).toEqual([1, 2]);
    end.close();
    expect(await outcome(piped)).toBe("fulfilled");
  });

  test("pushes what is taken, and keeps what is refused", async () => {
    const { end, left } = pushed();
    const held = withResolvers();
    const log: number[] = [];
    const drain = sink<number>({
      write: (chunk) => {
        log.push(chunk);
        return chunk === 1 ? held.promise : undefined;
      },
    });
    const piped = pipe(end.stream, drain);
    expect(end.push(0)).toBe(false);
    await settle();
    expect(end.push(1)).toBe(true);
    expect(end.push(2)).toBe(false);
    left.push(2);
    held.resolve();
    await settle();
    expect(log).toEqual([1, 2]);
    expect(end.push(3)).toBe(true);
    end.close();
    expect(end.push(4)).toBe(false);
    expect(await outcome(piped)).toBe("fulfilled");
    expect(log).toEqual([1, 2, 3]);
  });

  test("is not asked any more once it was cancelled, whoever wakes it", async () => {
    let asked = 0;
    const source: Source<number> = {
      take: () => {
        asked++;
        return EMPTY;
      },
      cancel: () => end.wake(),
    };
    const end = new ReadableEnd<number>(source);
    const reader = end.stream.getReader();
    const read = reader.read();
    await settle();
    const before = asked;
    await reader.cancel();
    end.wake();
    expect(await read).toEqual({ done: true, value: undefined });
    expect(asked).toBe(before);
  });
});
