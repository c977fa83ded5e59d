import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { failure, outcome, reasonOf, withResolvers } from "../piping/rig.ts";
import { handled, MAKERS, slow, writerOf } from "./rig.ts";

// https://streams.spec.whatwg.org/#writablestreamdefaultwriter

describe.each(MAKERS)("write() of $name", ({ isOurs, make }) => {
  test("fulfils with undefined, whatever the sink returns", async () => {
    for (const value of [undefined, null, 0, "x", {}, Promise.resolve("x")]) {
      const writer = make({ write: () => value as Promise<void> }).getWriter();
      expect(await writer.write("a")).toBeUndefined();
    }
  });

  test("keeps its order with many writes that nobody awaits", async () => {
    const log: number[] = [];
    const writer = make<number>({ write: (chunk) => void log.push(chunk) }).getWriter();
    const writes = Array.from({ length: 100 }, (_, chunk) => writer.write(chunk));
    await Promise.all(writes);
    expect(log).toEqual(writes.map((_, chunk) => chunk));
  });

  test("waits for the write before it", async () => {
    const { underlying, log, release } = slow();
    const writer = make(underlying).getWriter();
    const writes = [writer.write(1), writer.write(2)];
    await settle();
    expect(log).toEqual([1]);
    release();
    await settle();
    expect(log).toEqual([1, 2]);
    expect(await outcome(writes[1] as Promise<void>)).toBe("pending");
    release();
    await Promise.all(writes);
  });

  test("moves desiredSize and ready as the queue fills and drains", async () => {
    const { underlying, release } = slow();
    const writer = make(underlying, { highWaterMark: 2 }).getWriter();
    await settle();
    const writes = [];
    for (const size of [1, 0, -1]) {
      writes.push(writer.write("chunk"));
      expect(writer.desiredSize).toBe(size);
    }
    const { ready } = writer;
    expect(await outcome(ready)).toBe("pending");
    for (const size of [0, 1, 2]) {
      release();
      await settle();
      expect(writer.desiredSize).toBe(size);
      expect(await outcome(ready)).toBe(size > 0 ? "fulfilled" : "pending");
    }
    await Promise.all(writes);
  });

  test("makes a new ready when it is full again", async () => {
    const { underlying, release } = slow();
    const writer = make(underlying).getWriter();
    await writer.ready;
    const before = writer.ready;
    const written = writer.write(1);
    expect(writer.ready).not.toBe(before);
    await settle();
    release();
    await written;
    await writer.ready;
  });

  test("takes undefined for a chunk", async () => {
    const log: unknown[] = [];
    const writer = make<unknown>({ write: (chunk) => void log.push(chunk) }).getWriter();
    await writer.write(undefined);
    await (writer as WritableStreamDefaultWriter<void>).write();
    expect(log).toEqual([undefined, undefined]);
  });

  test("rejects after the stream was closed, or is about to be", async () => {
    const { underlying, log, release } = slow();
    const writer = writerOf(make(underlying));
    await settle();
    const closing = writer.close();
    const late = async (): Promise<void> => writer.write("late");
    await settle();
    // Node 20 throws an error of its own.
    const wanted = isOurs ? TypeError : Error;
    expect(await reasonOf(isOurs ? writer.write("late") : late())).toBeInstanceOf(wanted);
    release();
    await closing;
    expect(await reasonOf(isOurs ? writer.write("late") : late())).toBeInstanceOf(wanted);
    expect(log).toEqual(["close"]);
  });

  test("of a writer that has let go rejects and writes nothing", async () => {
    const log: unknown[] = [];
    const writer = writerOf(make({ write: (chunk) => void log.push(chunk) }));
    await settle();
    writer.releaseLock();
    const late = async (): Promise<void> => writer.write("late");
    expect(await reasonOf(late())).toBeInstanceOf(TypeError);
    expect(log).toEqual([]);
  });

  test("goes on after its writer has let go", async () => {
    const { underlying, log, release } = slow();
    const writable = make(underlying);
    const writer = writerOf(writable);
    await settle();
    const writes = [writer.write(1), writer.write(2)];
    writer.releaseLock();
    await settle();
    release();
    await settle();
    release();
    await Promise.all(writes);
    expect(log).toEqual([1, 2]);
  });

  test("may call write(), close() and releaseLock() from within", async () => {
    const log: unknown[] = [];
    const writer: WritableStreamDefaultWriter<string> = make<string>({
      write: (chunk) => {
        log.push(chunk);
        if (chunk === "a") {
          void writer.write("b");
          void writer.close();
          writer.releaseLock();
        }
      },
      close: () => void log.push("close"),
    }).getWriter();
    void handled(writer.closed);
    void handled(writer.ready);
    await writer.write("a");
    await settle();
    expect(log).toEqual(["a", "b", "close"]);
  });
});

describe.each(MAKERS)("a sink that fails in write(), $name", ({ make }) => {
  const reason = failure("write");

  test.each([
    ["throws", () => thrown(reason)],
    ["rejects", () => Promise.reject(reason)],
  ])("it %s: this write, the later ones and the stream reject with that", async (_, write) => {
    const log: unknown[] = [];
    const writer = writerOf(make({ write, abort: () => void log.push("abort") }));
    const writes = [handled(writer.write(1)), handled(writer.write(2))];
    expect(await reasonOf(writes[0] as Promise<void>)).toBe(reason);
    expect(await reasonOf(writes[1] as Promise<void>)).toBe(reason);
    expect(await reasonOf(writer.ready)).toBe(reason);
    expect(await reasonOf(writer.closed)).toBe(reason);
    expect(await reasonOf(writer.write(3))).toBe(reason);
    expect(writer.desiredSize).toBeNull();
    // It failed by itself; nobody has to tell it.
    expect(log).toEqual([]);
  });

  test("undefined is a reason, too", async () => {
    const writer = writerOf(make({ write: () => Promise.reject(undefined) }));
    expect(await outcome(writer.write(1))).toEqual({ rejected: undefined });
    expect(await outcome(writer.closed)).toEqual({ rejected: undefined });
  });

  test("a close that waited rejects with that, and the sink is not closed", async () => {
    const log: unknown[] = [];
    const writer = writerOf(
      make({ write: () => Promise.reject(reason), close: () => void log.push("close") }),
    );
    void handled(writer.write(1));
    expect(await reasonOf(writer.close())).toBe(reason);
    expect(log).toEqual([]);
  });
});

describe.each(MAKERS)("controller.error() of $name", ({ isOurs, make }) => {
  const reason = failure("error");

  test("errors the stream: ready, closed and writes reject with it", async () => {
    const { underlying, log, controller } = ((made) => ({
      underlying: made.underlying,
      log: made.log,
      controller: () => made.controller,
    }))(slow());
    const writer = writerOf(make(underlying));
    await settle();
    controller().error(reason);
    controller().error(failure("second"));
    expect(writer.desiredSize).toBeNull();
    expect(await reasonOf(writer.ready)).toBe(reason);
    expect(await reasonOf(writer.closed)).toBe(reason);
    expect(await reasonOf(writer.write(1))).toBe(reason);
    expect(await reasonOf(writer.close())).toBeDefined();
    expect(log).toEqual([]);
  });

  test("does not abort its signal", async () => {
    const made = slow();
    make(made.underlying);
    await settle();
    made.controller.error(reason);
    await settle();
    expect(made.controller.signal.aborted).toBe(false);
    expect(made.log).toEqual([]);
  });

  // Our end gives up the write; the platform's waits for it.
  test("while a write is under way", async () => {
    const made = slow();
    const writer = writerOf(make(made.underlying));
    const writes = [handled(writer.write(1)), handled(writer.write(2))];
    await settle();
    made.controller.error(reason);
    expect(await reasonOf(writer.ready)).toBe(reason);
    expect(await outcome(writes[0] as Promise<void>)).toEqual(
      isOurs ? { rejected: reason } : "pending",
    );
    made.release();
    expect(await outcome(writes[0] as Promise<void>)).toEqual(
      isOurs ? { rejected: reason } : "fulfilled",
    );
    expect(await reasonOf(writes[1] as Promise<void>)).toBe(reason);
    expect(await reasonOf(writer.closed)).toBe(reason);
    expect(made.log).toEqual([1]);
  });

  test("after the stream was closed does nothing", async () => {
    let controller!: WritableStreamDefaultController;
    const writer = make({
      start: (given) => {
        controller = given;
      },
    }).getWriter();
    await writer.close();
    controller.error(reason);
    await expect(writer.closed).resolves.toBeUndefined();
  });

  test("while start() is under way", async () => {
    const started = withResolvers();
    let controller!: WritableStreamDefaultController;
    const writer = writerOf(
      make({
        start: (given) => {
          controller = given;
          return started.promise;
        },
      }),
    );
    controller.error(reason);
    const written = handled(writer.write(1));
    expect(await reasonOf(writer.ready)).toBe(reason);
    started.resolve();
    expect(await reasonOf(written)).toBe(reason);
    expect(await reasonOf(writer.closed)).toBe(reason);
  });
});

function thrown(reason: unknown): never {
  throw reason;
}
