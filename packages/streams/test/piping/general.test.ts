import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { pumped } from "../../src/ends.ts";
import { bounded, fromIterable, sink } from "../../src/index.ts";
import {
  ALL_ROUTES,
  failure,
  outcome,
  reasonOf,
  ROUTES,
  throughPump,
  withResolvers,
} from "./rig.ts";

// https://streams.spec.whatwg.org/#rs-pipe-to

describe.each(ALL_ROUTES)("pipeTo(), $name", (route) => {
  test("moves every chunk in order, then closes, and fulfils with undefined", async () => {
    await throughPump(route, async () => {
      const { readable, enqueue, close } = route.origin();
      const { writable, log } = route.drain();
      const piped = readable.pipeTo(writable);
      enqueue("a", "b", "c");
      close();
      expect(await piped).toBeUndefined();
      expect(log).toEqual(["a", "b", "c", "close"]);
    });
  });

  test("locks both streams until it settles, and no longer", async () => {
    const { readable, enqueue, close } = route.origin();
    const { writable } = route.drain();
    const piped = readable.pipeTo(writable);
    expect([readable.locked, writable.locked]).toEqual([true, true]);
    enqueue("a");
    await settle();
    expect([readable.locked, writable.locked]).toEqual([true, true]);
    close();
    await piped;
    expect([readable.locked, writable.locked]).toEqual([false, false]);
    await expect(readable.getReader().closed).resolves.toBeUndefined();
    await expect(writable.getWriter().closed).resolves.toBeUndefined();
  });

  test("moves nothing before it has returned", async () => {
    const { readable, enqueue, close } = route.origin();
    const { writable, log } = route.drain();
    enqueue("a");
    await settle();
    const piped = readable.pipeTo(writable);
    // Node 26 writes what the native queue holds at once.
    if (route.from !== "native") expect(log).toEqual([]);
    close();
    await piped;
    expect(log).toEqual(["a", "close"]);
  });

  test("moves chunks that are undefined, null, 0 and empty", async () => {
    const { readable, enqueue, close } = route.origin();
    const { writable, log } = route.drain();
    const chunks = [undefined, null, 0, "", Number.NaN, false];
    enqueue(...chunks);
    close();
    await readable.pipeTo(writable);
    expect(log).toEqual([...chunks, "close"]);
  });

  test("lets neither stream be used beside it", async () => {
    const { readable, close } = route.origin();
    const { writable } = route.drain();
    const piped = readable.pipeTo(writable);
    expect(() => readable.getReader()).toThrow(TypeError);
    expect(() => writable.getWriter()).toThrow(TypeError);
    expect(await reasonOf(readable.cancel())).toBeInstanceOf(TypeError);
    expect(await reasonOf(writable.abort())).toBeInstanceOf(TypeError);
    expect(await reasonOf(writable.close())).toBeInstanceOf(TypeError);
    close();
    await expect(piped).resolves.toBeUndefined();
  });
});

describe.each(ROUTES)("pipeTo() refuses, $name", (route) => {
  test("a source that is locked, and touches nothing", async () => {
    const { readable, cancels } = route.origin();
    const { writable, log } = route.drain();
    const reader = readable.getReader();
    expect(await reasonOf(readable.pipeTo(writable))).toBeInstanceOf(TypeError);
    expect(writable.locked).toBe(false);
    reader.releaseLock();
    expect([cancels, log]).toEqual([[], []]);
  });

  test("a destination that is locked, and touches nothing", async () => {
    const { readable, cancels } = route.origin();
    const { writable, log } = route.drain();
    const writer = writable.getWriter();
    expect(await reasonOf(readable.pipeTo(writable))).toBeInstanceOf(TypeError);
    expect(readable.locked).toBe(false);
    writer.releaseLock();
    expect([cancels, log]).toEqual([[], []]);
  });

  test("what is no stream, by rejecting", async () => {
    const { readable } = route.origin();
    for (const destination of [undefined, null, 1, "stream", {}, readable]) {
      const piped = readable.pipeTo(destination as WritableStream<unknown>);
      expect(await reasonOf(piped)).toBeInstanceOf(TypeError);
    }
    expect(readable.locked).toBe(false);
  });

  test("to be called on what is no stream", async () => {
    const { readable } = route.origin();
    const { writable } = route.drain();
    const piped = Reflect.apply(readable.pipeTo, {}, [writable]);
    expect(await reasonOf(piped)).toBeInstanceOf(TypeError);
    expect(writable.locked).toBe(false);
  });

  test("options that are none", async () => {
    for (const options of [1, "options", true, Symbol("options")]) {
      const { readable } = route.origin();
      const { writable } = route.drain();
      const piped = readable.pipeTo(writable, options as StreamPipeOptions);
      expect(await reasonOf(piped)).toBeInstanceOf(TypeError);
      expect([readable.locked, writable.locked]).toEqual([false, false]);
    }
  });

  test("a signal that is none", async () => {
    for (const signal of [null, 1, "signal", {}, []]) {
      const { readable } = route.origin();
      const { writable } = route.drain();
      const piped = readable.pipeTo(writable, { signal: signal as AbortSignal });
      expect(await reasonOf(piped)).toBeInstanceOf(TypeError);
      expect([readable.locked, writable.locked]).toEqual([false, false]);
    }
  });

  test.each(["preventAbort", "preventCancel", "preventClose", "signal"])(
    "a getter of %s that throws, with what it threw",
    async (name) => {
      const { readable, cancels } = route.origin();
      const { writable, log } = route.drain();
      const error = failure("getter");
      const options = {
        get [name](): never {
          throw error;
        },
      };
      expect(await reasonOf(readable.pipeTo(writable, options))).toBe(error);
      expect([readable.locked, writable.locked]).toEqual([false, false]);
      await settle();
      expect([cancels, log]).toEqual([[], []]);
    },
  );

  test("a source or destination that a getter of the options locks", async () => {
    for (const lock of ["readable", "writable"] as const) {
      const { readable } = route.origin();
      const { writable } = route.drain();
      const streams = { readable, writable };
      const options = {
        get preventAbort(): boolean {
          if (lock === "readable") streams.readable.getReader();
          else streams.writable.getWriter();
          return false;
        },
      };
      expect(await reasonOf(readable.pipeTo(writable, options))).toBeInstanceOf(TypeError);
      const { locked } = lock === "readable" ? writable : readable;
      expect(locked).toBe(false);
    }
  });
});

describe.each(ROUTES)("pipeTo() reads its options, $name", (route) => {
  test("once each, in the order of their names", async () => {
    const { readable, close } = route.origin();
    const { writable } = route.drain();
    const reads: string[] = [];
    const names = ["signal", "preventClose", "preventCancel", "preventAbort"];
    const options = {};
    for (const name of names) {
      Object.defineProperty(options, name, { get: () => void reads.push(name) });
    }
    const piped = readable.pipeTo(writable, options);
    expect(reads).toEqual(names.toReversed());
    close();
    await piped;
    expect(reads).toHaveLength(4);
  });

  test("from null, a function, a proxy", async () => {
    for (const options of [null, () => {}, new Proxy({}, {})]) {
      const { readable, close } = route.origin();
      const { writable, log } = route.drain();
      close();
      await readable.pipeTo(writable, options as StreamPipeOptions);
      expect(log).toEqual(["close"]);
    }
  });
});

// https://streams.spec.whatwg.org/#readable-stream-default-reader-read
describe.each(ROUTES)("pipeTo() and thenables, $name", (route) => {
  test("never looks whether a chunk can be waited for", async () => {
    // The stage asks whether its transform returned a promise.
    if (route.from === "map") return;
    const { readable, enqueue, close } = route.origin();
    const { writable, log } = route.drain();
    const chunk = {
      // oxlint-disable-next-line unicorn/no-thenable -- shows whether anybody looks
      get then(): never {
        throw failure("then");
      },
    };
    enqueue(chunk);
    close();
    await readable.pipeTo(writable);
    expect(log[0] === chunk).toBe(true);
  });

  test("shows nothing to a patched Object.prototype.then", async () => {
    if (route.from === "map") return;
    const { readable, enqueue, close } = route.origin();
    const { writable, log } = route.drain({ highWaterMark: 2 });
    await settle();
    const seen: unknown[] = [];
    // One promise after the other, without a helper that is seen itself.
    const tick = Promise.resolve();
    let piped;
    // oxlint-disable-next-line no-extend-native, unicorn/no-thenable -- a page may
    Object.defineProperty(Object.prototype, "then", {
      configurable: true,
      get(this: unknown) {
        if (!(this instanceof Promise)) seen.push(this);
        return undefined;
      },
    });
    try {
      piped = readable.pipeTo(writable);
      for (let step = 0; step < 20; step++) await tick;
      enqueue({ id: 1 }, { id: 2 });
      for (let step = 0; step < 40; step++) await tick;
      close();
      for (let step = 0; step < 60; step++) await tick;
    } finally {
      delete (Object.prototype as { then?: unknown }).then;
    }
    await piped;
    expect(log).toEqual([{ id: 1 }, { id: 2 }, "close"]);
    expect(seen).toEqual([]);
  });
});

describe.each(ROUTES)("pipeTo() settles, $name", (route) => {
  test("after the streams have let go and their own promises are told", async () => {
    const { readable, close } = route.origin();
    const { writable } = route.drain();
    const order: string[] = [];
    const piped = readable.pipeTo(writable).then(() => {
      order.push(`piped, ${readable.locked ? "locked" : "free"}`);
      const writer = writable.getWriter();
      return Promise.all([
        readable.getReader().closed.then(() => order.push("reader")),
        writer.closed.then(() => order.push("writer")),
        writer.ready.then(() => order.push("ready")),
      ]);
    });
    close();
    await piped;
    expect(order[0]).toBe("piped, free");
    expect(order.slice(1).sort()).toEqual(["reader", "ready", "writer"]);
  });

  test("only once the sink has closed", async () => {
    const closed = withResolvers();
    const { readable, close } = route.origin();
    const { writable } = route.drain({ close: () => closed.promise });
    const piped = readable.pipeTo(writable);
    close();
    expect(await outcome(piped)).toBe("pending");
    expect([readable.locked, writable.locked]).toEqual([true, true]);
    closed.resolve();
    expect(await outcome(piped)).toBe("fulfilled");
  });
});

describe("a stream piped into its own pair", () => {
  test("circles, lets the event loop turn, and ends when it is aborted", async () => {
    const { readable, writable } = bounded<string>();
    const writer = writable.getWriter();
    await writer.write("round");
    writer.releaseLock();
    const abort = new AbortController();
    const before = pumped();
    const piped = readable.pipeTo(writable, { signal: abort.signal });
    await settle();
    expect(pumped()).toBeGreaterThan(before);
    const reason = failure("enough");
    abort.abort(reason);
    expect(await reasonOf(piped)).toBe(reason);
  });
});

describe("a pipe that nobody waits for", () => {
  test("goes on after the streams were forgotten", async () => {
    const chunks: number[] = [];
    let isClosed = false;
    void fromIterable([1, 2, 3]).pipeTo(
      sink({
        write: (chunk) => void chunks.push(chunk),
        close: () => {
          isClosed = true;
        },
      }),
    );
    await settle();
    expect([chunks, isClosed]).toEqual([[1, 2, 3], true]);
  });
});
