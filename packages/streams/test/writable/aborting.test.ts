import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { type Sink, WritableEnd } from "../../src/ends.ts";
import { failure, outcome, reasonOf, withResolvers } from "../piping/rig.ts";
import { handled, MAKERS, PAIRS, slow, writerOf } from "./rig.ts";

// https://streams.spec.whatwg.org/#writable-stream-abort

const reason = failure("abort");

describe.each(MAKERS)("abort() of $name", ({ isOurs, make }) => {
  test("fulfils with undefined, whatever the sink returns", async () => {
    for (const value of [undefined, null, 0, 1, "x", {}, Promise.resolve("x")]) {
      const writer = writerOf(make({ abort: () => value as Promise<void> }));
      expect(await writer.abort(reason)).toBeUndefined();
      expect(await reasonOf(writer.closed)).toBe(reason);
    }
  });

  test.each([undefined, null, 0, "", "left", reason])("hands on the reason %o", async (given) => {
    const log: unknown[] = [];
    const writable = make({ abort: (...all) => void log.push(...all) });
    const writer = writerOf(writable);
    await writer.abort(given);
    expect(log).toEqual([given]);
    expect(await outcome(writer.closed)).toEqual({ rejected: given });
    expect(await outcome(writer.write(1))).toEqual({ rejected: given });
  });

  test("of the stream itself, and without a reason", async () => {
    const log: unknown[] = [];
    const writable = make({ abort: (given) => void log.push(given) });
    await writable.abort();
    expect(log).toEqual([undefined]);
    expect(await outcome(writable.getWriter().closed)).toEqual({ rejected: undefined });
  });

  test("aborts the signal of the controller, at once, with the reason", async () => {
    const made = slow();
    const writable = make(made.underlying);
    await settle();
    let seen: unknown;
    made.controller.signal.addEventListener("abort", () => {
      seen = made.controller.signal.reason;
    });
    const aborting = writable.abort(reason);
    expect(seen).toBe(reason);
    expect(made.controller.signal.aborted).toBe(true);
    await aborting;
  });

  test("makes the writer unusable at once", async () => {
    const writer = writerOf(make());
    await writer.ready;
    const aborting = writer.abort(reason);
    expect(writer.desiredSize).toBeNull();
    expect(await reasonOf(writer.ready)).toBe(reason);
    expect(await reasonOf(writer.write(1))).toBe(reason);
    await aborting;
    expect(await reasonOf(writer.close())).toBeInstanceOf(TypeError);
  });

  test("rejects what waits, and writes none of it", async () => {
    const made = slow();
    const writer = writerOf(make(made.underlying, { highWaterMark: 4 }));
    await settle();
    const writes = [1, 2, 3].map((chunk) => handled(writer.write(chunk)));
    const closing = handled(writer.close());
    const aborting = handled(writer.abort(reason));
    await settle();
    if (!isOurs) made.release();
    await aborting;
    for (const write of writes.slice(1)) expect(await reasonOf(write)).toBe(reason);
    expect(await reasonOf(closing)).toBe(reason);
    expect(made.log).toEqual([1, { aborted: reason }]);
  });

  // Our end gives the write up; the platform's waits for it.
  test("while a write is under way", async () => {
    const made = slow();
    const writer = writerOf(make(made.underlying));
    const written = handled(writer.write(1));
    await settle();
    const aborting = handled(writer.abort(reason));
    if (isOurs) {
      expect(await outcome(aborting)).toBe("fulfilled");
      expect(await reasonOf(written)).toBe(reason);
    } else {
      expect(await outcome(aborting)).toBe("pending");
      expect(made.log).toEqual([1]);
      made.release();
      expect(await outcome(aborting)).toBe("fulfilled");
      await expect(written).resolves.toBeUndefined();
    }
    expect(await reasonOf(writer.closed)).toBe(reason);
    expect(made.log).toEqual([1, { aborted: reason }]);
  });

  test("and a write that fails after it was given up: nobody hears of it", async () => {
    const made = slow();
    const writer = writerOf(make(made.underlying));
    void handled(writer.write(1));
    await settle();
    const aborting = handled(writer.abort(reason));
    made.release({ reason: failure("write") });
    // The platform's sink has failed by itself before it could be aborted.
    expect(await outcome(aborting)).toBe("fulfilled");
    expect(await reasonOf(writer.closed)).toBe(reason);
  });

  test("from within write()", async () => {
    const { promise } = withResolvers();
    const log: unknown[] = [];
    let aborting!: Promise<void>;
    const writer: WritableStreamDefaultWriter<number> = writerOf(
      make<number>({
        write: (chunk) => {
          log.push(chunk);
          aborting = handled(writer.abort(reason));
          return isOurs ? promise : undefined;
        },
        abort: (given) => void log.push({ aborted: given }),
      }),
    );
    const written = handled(writer.write(1));
    await settle();
    await aborting;
    expect(await outcome(written)).toEqual(isOurs ? { rejected: reason } : "fulfilled");
    expect(log).toEqual([1, { aborted: reason }]);
    expect(await reasonOf(writer.closed)).toBe(reason);
  });

  test("while start() is under way waits for that, then tells the sink", async () => {
    for (const how of ["resolve", "reject"] as const) {
      const started = withResolvers();
      const log: unknown[] = [];
      const writer = writerOf(
        make({
          start: () => started.promise,
          write: () => void log.push("write"),
          abort: (given) => void log.push({ aborted: given }),
        }),
      );
      const written = handled(writer.write(1));
      const aborting = handled(writer.abort(reason));
      expect(await outcome(aborting)).toBe("pending");
      expect(log).toEqual([]);
      expect(await reasonOf(writer.ready)).toBe(reason);
      started[how](failure("start") as never);
      expect(await outcome(aborting)).toBe("fulfilled");
      expect(await reasonOf(written)).toBe(reason);
      expect(await reasonOf(writer.closed)).toBe(reason);
      expect(log).toEqual([{ aborted: reason }]);
    }
  });

  test.each([
    [
      "throws",
      () => {
        throw failure("refused");
      },
    ],
    ["rejects", () => Promise.reject(failure("refused"))],
  ])("%s in the sink: abort() rejects with that, the stream with the reason", async (_, abort) => {
    const writer = writerOf(make({ abort }));
    expect(await reasonOf(writer.abort(reason))).toMatchObject({ message: "refused" });
    expect(await reasonOf(writer.closed)).toBe(reason);
  });

  test("twice: the sink hears of the first", async () => {
    const log: unknown[] = [];
    const told = withResolvers();
    const writer = writerOf(
      make({
        abort: (given) => {
          log.push(given);
          return told.promise;
        },
      }),
    );
    await settle();
    const all = [writer.abort(reason), writer.abort(failure("second"))];
    await settle();
    told.resolve();
    await Promise.all(all);
    await expect(writer.abort()).resolves.toBeUndefined();
    expect(log).toEqual([reason]);
  });

  test("of a stream that has errored does nothing", async () => {
    const made = slow();
    const writer = writerOf(make(made.underlying));
    await settle();
    const error = failure("error");
    made.controller.error(error);
    await settle();
    await expect(writer.abort(reason)).resolves.toBeUndefined();
    expect(made.log).toEqual([]);
    expect(made.controller.signal.aborted).toBe(false);
    expect(await reasonOf(writer.closed)).toBe(error);
  });

  test("and controller.error() in it does nothing more", async () => {
    let controller!: WritableStreamDefaultController;
    const writer = writerOf(
      make({
        start: (given) => {
          controller = given;
        },
        abort: () => controller.error(failure("late")),
      }),
    );
    await writer.abort(reason);
    expect(await reasonOf(writer.closed)).toBe(reason);
  });

  test("and releaseLock() while it is under way", async () => {
    const told = withResolvers();
    const writable = make({ abort: () => told.promise });
    const writer = writerOf(writable);
    await settle();
    const aborting = handled(writer.abort(reason));
    writer.releaseLock();
    expect(await reasonOf(writer.closed)).toBeInstanceOf(TypeError);
    told.resolve();
    await aborting;
    expect(await reasonOf(writable.getWriter().closed)).toBe(reason);
  });

  test("settles its promises in the order of the standard", async () => {
    const order: string[] = [];
    const note = (name: string) => (): void => void order.push(name);
    const writer = make().getWriter();
    await writer.ready;
    const aborting = writer.abort(reason).then(note("abort()"));
    const all = [writer.write(1).catch(note("write()")), writer.closed.catch(note("closed"))];
    await Promise.all([...all, aborting, writer.ready.catch(note("ready"))]);
    expect(order.indexOf("abort()")).toBeLessThan(order.indexOf("closed"));
    expect(order.sort()).toEqual(["abort()", "closed", "ready", "write()"]);
  });
});

// The platform's pair waits for a write that stalls, and that waits for a reader.
describe.each(PAIRS.filter(({ isOurs }) => isOurs))(
  "abort() of the writable of $name",
  ({ make }) => {
    test("errors the readable with the reason, and drops what waits", async () => {
      const { readable, writable } = make();
      const writer = writerOf(writable);
      const reader = readable.getReader();
      void handled(reader.closed);
      const writes = [1, 2, 3].map((chunk) => handled(writer.write(chunk)));
      await settle();
      await writer.abort(reason);
      expect(await reasonOf(writes.at(-1) as Promise<void>)).toBe(reason);
      expect(await reasonOf(writer.closed)).toBe(reason);
      expect(await reasonOf(reader.read())).toBe(reason);
    });

    test("settles at once though a write stalls", async () => {
      const { writable } = make();
      const writer = writerOf(writable);
      const writes = [1, 2, 3].map((chunk) => handled(writer.write(chunk)));
      await settle();
      expect(await outcome(writes.at(-1) as Promise<void>)).toBe("pending");
      expect(await outcome(writer.abort(reason))).toBe("fulfilled");
      expect(await reasonOf(writes.at(-1) as Promise<void>)).toBe(reason);
    });
  },
);

describe.each(PAIRS)("cancel() of the readable of $name", ({ make }) => {
  test("errors the writable with the reason", async () => {
    const { readable, writable } = make();
    const writer = writerOf(writable);
    const writes = [1, 2, 3].map((chunk) => handled(writer.write(chunk)));
    await settle();
    await readable.cancel(reason);
    expect(await reasonOf(writes.at(-1) as Promise<void>)).toBe(reason);
    expect(await reasonOf(writer.closed)).toBe(reason);
    expect(await reasonOf(writer.write(4))).toBe(reason);
  });
});

describe("abort() by a writer that the platform made", () => {
  const make = (sink: Partial<Sink<number>>): WritableEnd<number> =>
    new WritableEnd({ put: () => true, close: () => {}, abort: () => {}, ...sink });

  test.each([
    ["that is under way", (): Promise<void> => new Promise(() => {})],
    ["that the sink refuses for now", () => false],
  ])("gives up a write %s at once", async (_, put) => {
    const heard: unknown[] = [];
    const end = make({ put, abort: (given) => void heard.push(given) });
    const writer = new WritableStreamDefaultWriter(end.stream);
    await settle();
    const written = handled(writer.write(1));
    await settle();
    const aborted = writer.abort(reason);
    expect(end.state).toBe("errored");
    expect(await reasonOf(written)).toBe(reason);
    await aborted;
    expect(heard).toEqual([reason]);
  });

  test("errors an end at rest", async () => {
    const end = make({});
    await settle();
    await new WritableStreamDefaultWriter(end.stream).abort(reason);
    expect(end.state).toBe("errored");
    expect(end.reason).toBe(reason);
  });
});
