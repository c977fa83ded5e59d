import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { sink } from "../../src/index.ts";
import { failure, outcome, reasonOf, withResolvers } from "../piping/rig.ts";
import { MAKERS, writerOf } from "./rig.ts";

// https://streams.spec.whatwg.org/#ws-constructor

describe.each(MAKERS)("$name makes", ({ make }) => {
  test("a stream of the platform", () => {
    const writable = make();
    expect(writable).toBeInstanceOf(WritableStream);
    expect(writable.locked).toBe(false);
    expect(Object.prototype.toString.call(writable)).toBe("[object WritableStream]");
    for (const method of ["abort", "close", "getWriter"] as const) {
      expect(writable[method]).toBeTypeOf("function");
    }
    expect(Object.getOwnPropertyNames(writable)).toEqual([]);
  });

  test("one that takes everything when it is told nothing", async () => {
    const writer = make().getWriter();
    expect(writer.desiredSize).toBe(1);
    await writer.write("a");
    await expect(writer.close()).resolves.toBeUndefined();
  });

  test.each([
    ["{}", () => ({})],
    ["a function", () => () => {}],
    ["an array", () => []],
    ["members that are undefined", () => ({ start: undefined, write: undefined, type: undefined })],
  ])("of %s", async (_, underlying) => {
    const writer = make(underlying() as UnderlyingSink<string>).getWriter();
    await writer.write("a");
    await writer.close();
  });

  test("calls the methods on the object they belong to", async () => {
    const log: unknown[] = [];
    class Counting implements UnderlyingSink<unknown> {
      readonly name = "counting";
      start(): void {
        log.push(["start", this.name]);
      }
      write(): void {
        log.push(["write", this.name]);
      }
      close(): void {
        log.push(["close", this.name]);
      }
      abort(): void {
        log.push(["abort", this.name]);
      }
    }
    const writer = make(new Counting()).getWriter();
    await writer.write(1);
    await writer.close();
    await make(new Counting()).abort();
    const names = ["start", "write", "close", "start", "abort"];
    expect(log).toEqual(names.map((name) => [name, "counting"]));
  });

  test("reads each member once, when it is made", async () => {
    const reads: string[] = [];
    const underlying = new Proxy(
      { write: () => {}, close: () => {}, abort: () => {}, start: () => {} },
      {
        get: (target, name) => {
          reads.push(String(name));
          return Reflect.get(target, name) as unknown;
        },
      },
    );
    const writer = make(underlying).getWriter();
    expect([...reads].sort()).toEqual(["abort", "close", "start", "type", "write"]);
    await writer.write(1);
    await writer.close();
    expect(reads).toHaveLength(5);
  });

  test.each(["bytes", "", null])("nothing of a type, which is reserved: %o", (type) => {
    let isStarted = false;
    const start = (): void => {
      isStarted = true;
    };
    expect(() => make({ start, type } as unknown as UnderlyingSink)).toThrow(RangeError);
    expect(isStarted).toBe(false);
  });

  test("nothing of null", () => {
    expect(() => make(null as unknown as UnderlyingSink)).toThrow(TypeError);
  });

  test("throws what a getter or start() throws", () => {
    const error = failure("made");
    for (const name of ["start", "write", "close", "abort", "type"]) {
      const underlying = {
        get [name](): never {
          throw error;
        },
      };
      expect(() => make(underlying)).toThrow(error);
    }
    const start = (): never => {
      throw error;
    };
    expect(() => make({ start })).toThrow(error);
  });
});

describe.each(MAKERS)("start() of $name", ({ make }) => {
  test("is called before the constructor returns, with a controller of the platform", () => {
    let given: unknown;
    make({
      start: (controller) => {
        given = controller;
      },
    });
    expect(given).toBeInstanceOf(WritableStreamDefaultController);
    expect(given).toMatchObject({ signal: expect.any(AbortSignal), error: expect.any(Function) });
    expect((given as WritableStreamDefaultController).signal.aborted).toBe(false);
  });

  test("is the controller that write() gets", async () => {
    const controllers = new Set<unknown>();
    const writer = make({
      start: (controller) => void controllers.add(controller),
      write: (_, controller) => void controllers.add(controller),
    }).getWriter();
    await writer.write(1);
    await writer.write(2);
    expect(controllers.size).toBe(1);
  });

  test("is waited for by writes and by the close", async () => {
    const started = withResolvers();
    const log: unknown[] = [];
    const writer = make({
      start: () => started.promise,
      write: (chunk) => void log.push(chunk),
      close: () => void log.push("close"),
    }).getWriter();
    expect(writer.desiredSize).toBe(1);
    const written = writer.write("a");
    expect(writer.desiredSize).toBe(0);
    const closed = writer.close();
    expect(await outcome(written)).toBe("pending");
    expect(log).toEqual([]);
    started.resolve();
    await Promise.all([written, closed]);
    expect(log).toEqual(["a", "close"]);
  });

  test.each([undefined, null, 0, "value", {}, []])("may return %o", async (value) => {
    const writer = make({ start: () => value }).getWriter();
    await writer.write(1);
  });

  test("may return a thenable", async () => {
    let go!: () => void;
    const log: unknown[] = [];
    const writer = make({
      start: () => ({
        // oxlint-disable-next-line unicorn/no-thenable -- that is what it is
        then: (resolve: () => void) => {
          go = resolve;
        },
      }),
      write: (chunk) => void log.push(chunk),
    }).getWriter();
    const written = writer.write("a");
    await settle();
    expect(log).toEqual([]);
    go();
    await written;
    expect(log).toEqual(["a"]);
  });

  test("rejects: everything rejects with that", async () => {
    const reason = failure("start");
    const log: unknown[] = [];
    const writer = writerOf(
      make({
        start: () => Promise.reject(reason),
        write: () => void log.push("write"),
        close: () => void log.push("close"),
        abort: () => void log.push("abort"),
      }),
    );
    expect(await reasonOf(writer.write(1))).toBe(reason);
    expect(await reasonOf(writer.ready)).toBe(reason);
    expect(await reasonOf(writer.closed)).toBe(reason);
    expect(await reasonOf(writer.close())).toBeDefined();
    await writer.abort();
    expect(log).toEqual([]);
  });

  test("errors the stream by its controller", async () => {
    const reason = failure("start");
    const writer = writerOf(make({ start: (controller) => controller.error(reason) }));
    expect(await reasonOf(writer.closed)).toBe(reason);
    expect(await reasonOf(writer.write(1))).toBe(reason);
    expect(writer.desiredSize).toBeNull();
  });
});

describe.each(MAKERS)("a writer of $name", ({ make }) => {
  test("is a writer of the platform, with its promises", async () => {
    const writable = make();
    const writer = writable.getWriter();
    expect(writer).toBeInstanceOf(WritableStreamDefaultWriter);
    expect(writable.locked).toBe(true);
    expect(() => writable.getWriter()).toThrow(TypeError);
    await expect(writer.ready).resolves.toBeUndefined();
    expect(await outcome(writer.closed)).toBe("pending");
  });

  test("lets go: its promises reject, its methods refuse, the next writer works", async () => {
    const writable = make();
    const writer = writerOf(writable);
    writer.releaseLock();
    writer.releaseLock();
    expect(writable.locked).toBe(false);
    expect(await reasonOf(writer.ready)).toBeInstanceOf(TypeError);
    expect(await reasonOf(writer.closed)).toBeInstanceOf(TypeError);
    expect(() => writer.desiredSize).toThrow(TypeError);
    expect(await reasonOf(writer.abort())).toBeInstanceOf(TypeError);
    expect(await reasonOf(writer.close())).toBeInstanceOf(TypeError);
    const next = writable.getWriter();
    await next.write(1);
    await next.close();
    await expect(next.closed).resolves.toBeUndefined();
  });

  test("can be made by the platform's constructor", async () => {
    const log: unknown[] = [];
    const writable = make({ write: (chunk) => void log.push(chunk) });
    const writer = new WritableStreamDefaultWriter(writable);
    await writer.write(1);
    await writer.close();
    expect(log).toEqual([1]);
    expect(() => new WritableStreamDefaultWriter(writable)).toThrow(TypeError);
  });

  test("of a stream that is closed, errored, or under way", async () => {
    const closed = make();
    await closed.close();
    const afterClose = closed.getWriter();
    expect(afterClose.desiredSize).toBe(0);
    await expect(afterClose.closed).resolves.toBeUndefined();
    await expect(afterClose.ready).resolves.toBeUndefined();

    const reason = failure("abort");
    const errored = make();
    await errored.abort(reason);
    const afterAbort = writerOf(errored);
    expect(afterAbort.desiredSize).toBeNull();
    expect(await reasonOf(afterAbort.closed)).toBe(reason);
    expect(await reasonOf(afterAbort.ready)).toBe(reason);
  });

  test("has the stream's methods refuse while it holds the lock", async () => {
    const writable = make();
    writable.getWriter();
    expect(await reasonOf(writable.abort())).toBeInstanceOf(TypeError);
    expect(await reasonOf(writable.close())).toBeInstanceOf(TypeError);
  });
});

describe("sink()", () => {
  // https://webidl.spec.whatwg.org/#js-dictionary; engines read in orders of their own.
  test("reads the strategy, then the underlying sink, each in the order of the standard", () => {
    const reads: PropertyKey[] = [];
    const noting = (): object => new Proxy({}, { get: (_, name) => void reads.push(name) });
    sink(noting(), noting());
    const members = ["abort", "close", "start", "type", "write"];
    expect(reads).toEqual(["highWaterMark", "size", ...members]);
  });

  test("says in code what it cannot use", () => {
    const coded = { code: "SPW_ERR_OPTION" };
    // The standard throws a TypeError for these; Node 20 waits until they are called.
    const values = [1, "method", {}, null, true];
    const members = ["start", "write", "close", "abort"];
    const all = members.flatMap((name) => values.map((value) => ({ [name]: value })));
    for (const underlying of all) {
      expect(() => sink(underlying as unknown as UnderlyingSink)).toThrow(TypeError);
      expect(() => sink(underlying as unknown as UnderlyingSink)).toThrow(
        expect.objectContaining(coded),
      );
    }
    for (const underlying of [1, "sink", null, { type: "bytes" }]) {
      expect(() => sink(underlying as UnderlyingSink)).toThrow(expect.objectContaining(coded));
    }
    for (const strategy of [1, "count", null, { size: 1 }, { highWaterMark: "1" }]) {
      expect(() => sink({}, strategy as QueuingStrategy)).toThrow(expect.objectContaining(coded));
    }
    for (const highWaterMark of [-1, Number.NaN, -Infinity]) {
      const make = (): unknown => sink({}, { highWaterMark });
      expect(make).toThrow(RangeError);
      expect(make).toThrow(expect.objectContaining(coded));
    }
  });
});
