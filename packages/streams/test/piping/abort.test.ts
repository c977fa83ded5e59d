import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { bounded, fromIterable, map, sink } from "../../src/index.ts";
import {
  ALL_ROUTES,
  CANCEL_ROUTES,
  failure,
  outcome,
  pipe,
  reasonOf,
  ROUTES,
  throughPump,
  withResolvers,
} from "./rig.ts";

// https://streams.spec.whatwg.org/#readable-stream-pipe-to: the signal.

const reason = failure("abort");

describe.each(ALL_ROUTES)("the signal is aborted, $name", (route) => {
  test("before the pipe: both sides are told, nothing is read or written", async () => {
    const { readable, enqueue, cancels } = route.origin();
    const { writable, log } = route.drain();
    enqueue("a");
    await settle();
    const signal = AbortSignal.abort(reason);
    expect(await reasonOf(readable.pipeTo(writable, { signal }))).toBe(reason);
    expect(cancels).toEqual([reason]);
    expect(log).toEqual([{ aborted: reason }]);
    expect([readable.locked, writable.locked]).toEqual([false, false]);
  });

  test("without a reason: everyone gets the same AbortError", async () => {
    const { readable, cancels } = route.origin();
    const { writable, log } = route.drain();
    const abort = new AbortController();
    const piped = readable.pipeTo(writable, { signal: abort.signal });
    abort.abort();
    const error = await reasonOf(piped);
    expect(error).toBeInstanceOf(DOMException);
    expect(error).toMatchObject({ name: "AbortError" });
    expect(cancels[0]).toBe(error);
    expect((log[0] as { aborted: unknown }).aborted).toBe(error);
    expect(await reasonOf(writable.getWriter().closed)).toBe(error);
  });

  test.each([null, 0, "", "left", { left: true }])("with the reason %o", async (given) => {
    const { readable, cancels } = route.origin();
    const { writable, log } = route.drain();
    const abort = new AbortController();
    const piped = readable.pipeTo(writable, { signal: abort.signal });
    abort.abort(given);
    expect(await outcome(piped)).toEqual({ rejected: given });
    expect(cancels).toEqual([given]);
    expect(log).toEqual([{ aborted: given }]);
  });

  test("between two chunks", async () => {
    await throughPump(route, async () => {
      const { readable, enqueue, cancels } = route.origin();
      const { writable, log } = route.drain();
      const abort = new AbortController();
      const piped = pipe(readable, writable, { signal: abort.signal });
      enqueue("a");
      await settle();
      abort.abort(reason);
      expect(await reasonOf(piped)).toBe(reason);
      expect(cancels).toEqual([reason]);
      expect(log).toEqual(["a", { aborted: reason }]);
    });
  });

  test("by the sink as it writes", async () => {
    const abort = new AbortController();
    const { readable, enqueue, cancels } = route.origin();
    const { writable, log } = route.drain({
      highWaterMark: 4,
      write: (chunk) => {
        if (chunk === 2) abort.abort(reason);
      },
    });
    const piped = pipe(readable, writable, { signal: abort.signal });
    enqueue(1, 2, 3, 4);
    expect(await reasonOf(piped)).toBe(reason);
    expect(cancels).toEqual([reason]);
    expect(log.slice(0, 2)).toEqual([1, 2]);
    expect(log.at(-1)).toEqual({ aborted: reason });
  });

  test("after the pipe has ended: nothing happens", async () => {
    const { readable, enqueue, close, cancels } = route.origin();
    const { writable, log } = route.drain();
    const abort = new AbortController();
    const piped = pipe(readable, writable, { signal: abort.signal, preventClose: true });
    enqueue("a");
    close();
    await piped;
    abort.abort(reason);
    await settle();
    expect([cancels, log]).toEqual([[], ["a"]]);
    await writable.getWriter().write("b");
    expect(log).toEqual(["a", "b"]);
  });
});

describe.each(ALL_ROUTES)("the signal and the prevent options, $name", (route) => {
  test.each(["before", "during"])("preventCancel, %s the pipe", async (when) => {
    const { readable, cancels } = route.origin();
    const { writable, log } = route.drain();
    const abort = new AbortController();
    if (when === "before") abort.abort(reason);
    const piped = pipe(readable, writable, { signal: abort.signal, preventCancel: true });
    abort.abort(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect([cancels, log]).toEqual([[], [{ aborted: reason }]]);
    expect(readable.locked).toBe(false);
  });

  test.each(["before", "during"])("preventAbort, %s the pipe", async (when) => {
    const { readable, cancels } = route.origin();
    const { writable, log } = route.drain();
    const abort = new AbortController();
    if (when === "before") abort.abort(reason);
    const piped = pipe(readable, writable, { signal: abort.signal, preventAbort: true });
    abort.abort(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect([cancels, log]).toEqual([[reason], []]);
    const writer = writable.getWriter();
    expect(writer.desiredSize).toBe(1);
    await writer.write("still open");
    expect(log).toEqual(["still open"]);
  });

  test("both: the pipe lets go, and that is all", async () => {
    const { readable, enqueue, cancels } = route.origin();
    const { writable, log } = route.drain();
    const abort = new AbortController();
    const options = { preventAbort: true, preventCancel: true, preventClose: true };
    abort.abort(reason);
    const piped = pipe(readable, writable, { ...options, signal: abort.signal });
    expect(await reasonOf(piped)).toBe(reason);
    expect([cancels, log]).toEqual([[], []]);
    enqueue("a");
    expect(await readable.getReader().read()).toEqual({ done: false, value: "a" });
    await writable.getWriter().write("b");
    expect(log).toEqual(["b"]);
  });
});

describe.each(ROUTES)("the signal and streams that have ended, $name", (route) => {
  test("a closed source: the sink is aborted", async () => {
    const { readable, close, cancels } = route.origin();
    const { writable, log } = route.drain();
    close();
    await settle();
    const signal = AbortSignal.abort(reason);
    expect(await reasonOf(readable.pipeTo(writable, { signal }))).toBe(reason);
    expect([cancels, log]).toEqual([[], [{ aborted: reason }]]);
  });

  test("an errored source: the signal decides, and the source keeps its error", async () => {
    const { readable, error, cancels } = route.origin();
    const { writable, log } = route.drain();
    const own = failure("source");
    error(own);
    await settle();
    const signal = AbortSignal.abort(reason);
    expect(await reasonOf(readable.pipeTo(writable, { signal }))).toBe(reason);
    expect([cancels, log]).toEqual([[], [{ aborted: reason }]]);
    expect(await reasonOf(readable.getReader().closed)).toBe(own);
  });

  test("a closed destination: the source is cancelled", async () => {
    const { readable, cancels } = route.origin();
    const { writable, log } = route.drain();
    await writable.close();
    const signal = AbortSignal.abort(reason);
    expect(await reasonOf(readable.pipeTo(writable, { signal }))).toBe(reason);
    expect([cancels, log]).toEqual([[reason], ["close"]]);
  });

  test("an errored destination: the source is cancelled with the signal's reason", async () => {
    const { readable, cancels } = route.origin();
    const { writable, log, error } = route.drain();
    const own = failure("sink");
    await settle();
    error(own);
    await settle();
    const signal = AbortSignal.abort(reason);
    expect(await reasonOf(readable.pipeTo(writable, { signal }))).toBe(reason);
    expect([cancels, log]).toEqual([[reason], []]);
    expect(await reasonOf(writable.getWriter().closed)).toBe(own);
  });

  test("a destination about to error: it is not told a second time", async () => {
    const started = withResolvers();
    const { readable, cancels } = route.origin();
    const { writable, log, error } = route.drain({ start: () => started.promise });
    const own = failure("sink");
    error(own);
    const piped = pipe(readable, writable, { signal: AbortSignal.abort(reason) });
    await settle();
    started.resolve();
    expect(await reasonOf(piped)).toBe(reason);
    expect([cancels, log]).toEqual([[reason], []]);
    expect(await reasonOf(writable.getWriter().closed)).toBe(own);
  });

  test("aborted once the sink is closing: too late", async () => {
    const closed = withResolvers();
    const { readable, close, cancels } = route.origin();
    const { writable, log } = route.drain({ close: () => closed.promise });
    const abort = new AbortController();
    const piped = pipe(readable, writable, { signal: abort.signal });
    close();
    await settle();
    abort.abort(reason);
    expect(await outcome(piped)).toBe("pending");
    closed.resolve();
    expect(await outcome(piped)).toBe("fulfilled");
    expect([cancels, log]).toEqual([[], ["close"]]);
  });

  test("aborted once the source has errored: too late", async () => {
    const told = withResolvers();
    const { readable, error } = route.origin();
    const { writable, log } = route.drain({ abort: () => told.promise });
    const abort = new AbortController();
    const piped = pipe(readable, writable, { signal: abort.signal });
    await settle();
    const own = failure("source");
    error(own);
    await settle();
    abort.abort(reason);
    expect(await outcome(piped)).toBe("pending");
    told.resolve();
    expect(await reasonOf(piped)).toBe(own);
    expect(log).toEqual([{ aborted: own }]);
  });
});

describe.each(CANCEL_ROUTES)("cancel() and abort() answer to the signal, $name", (route) => {
  const refused = failure("refused");

  test("cancel() rejects: the pipe rejects with that", async () => {
    const { readable } = route.origin(() => Promise.reject(refused));
    const { writable } = route.drain();
    const signal = AbortSignal.abort(reason);
    expect(await reasonOf(readable.pipeTo(writable, { signal }))).toBe(refused);
  });

  test("abort() rejects: the pipe rejects with that", async () => {
    const { readable } = route.origin();
    const { writable } = route.drain({ abort: () => Promise.reject(refused) });
    const signal = AbortSignal.abort(reason);
    expect(await reasonOf(readable.pipeTo(writable, { signal }))).toBe(refused);
  });

  test("both reject: abort() was asked first", async () => {
    const { readable, cancels } = route.origin(() => Promise.reject(failure("cancel")));
    const { writable, log } = route.drain({ abort: () => Promise.reject(refused) });
    const signal = AbortSignal.abort(reason);
    expect(await reasonOf(readable.pipeTo(writable, { signal }))).toBe(refused);
    expect([cancels, log]).toEqual([[reason], [{ aborted: reason }]]);
  });

  test("cancel() rejects while abort() takes its time: nobody waits for it", async () => {
    const { promise } = withResolvers();
    const { readable } = route.origin(() => Promise.reject(refused));
    const { writable } = route.drain({ abort: () => promise });
    const signal = AbortSignal.abort(reason);
    expect(await reasonOf(readable.pipeTo(writable, { signal }))).toBe(refused);
  });

  test("the pipe waits for both, and stays locked until then", async () => {
    const [cancelled, aborted] = [withResolvers(), withResolvers()];
    const { readable } = route.origin(() => cancelled.promise);
    const { writable } = route.drain({ abort: () => aborted.promise });
    const piped = pipe(readable, writable, { signal: AbortSignal.abort(reason) });
    expect(await outcome(piped)).toBe("pending");
    cancelled.resolve();
    expect(await outcome(piped)).toBe("pending");
    expect([readable.locked, writable.locked]).toEqual([true, true]);
    aborted.resolve();
    expect(await reasonOf(piped)).toBe(reason);
  });
});

// Where the platform waits for the write in flight, the pump and our writable do not.
describe.each(ROUTES)("the signal frees a stalled pipe, $name", (route) => {
  const frees = route.into === "sink" && route.isPumped;

  test("at once, or when the write is over", async () => {
    const { readable, enqueue, cancels } = route.origin();
    const drain = route.drain({ isSlow: true });
    const abort = new AbortController();
    const piped = pipe(readable, drain.writable, { signal: abort.signal });
    // Node would go on with a second one.
    enqueue("a", ...(frees ? ["b"] : []));
    await settle();
    abort.abort(reason);
    if (frees) expect(await reasonOf(piped)).toBe(reason);
    else expect(await outcome(piped)).toBe("pending");
    drain.release();
    expect(await reasonOf(piped)).toBe(reason);
    expect(cancels).toEqual([reason]);
    expect(drain.log).toEqual(["a", { aborted: reason }]);
    expect([readable.locked, drain.writable.locked]).toEqual([false, false]);
  });

  test("though the source has closed and only the last writes are waited for", async () => {
    const { readable, enqueue, close } = route.origin();
    const drain = route.drain({ isSlow: true, highWaterMark: 3 });
    const abort = new AbortController();
    const piped = pipe(readable, drain.writable, { signal: abort.signal });
    enqueue("a", "b");
    close();
    await settle();
    abort.abort(reason);
    if (frees) {
      expect(await reasonOf(piped)).toBe(reason);
      expect(drain.log).toEqual(["a", { aborted: reason }]);
      return;
    }
    for (let left = 2; left > 0; left--) {
      expect(await outcome(piped)).toBe("pending");
      drain.release();
    }
    expect(await outcome(piped)).toBe("fulfilled");
  });

  test("though the source has errored: the sink is aborted with that, now", async () => {
    const { readable, enqueue, error } = route.origin();
    const drain = route.drain({ isSlow: true });
    const abort = new AbortController();
    const piped = pipe(readable, drain.writable, { signal: abort.signal });
    enqueue("a");
    await settle();
    const own = failure("source");
    error(own);
    await settle();
    abort.abort(reason);
    if (!frees) {
      expect(await outcome(piped)).toBe("pending");
      drain.release();
    }
    expect(await reasonOf(piped)).toBe(own);
    expect(drain.log).toEqual(["a", { aborted: own }]);
  });

  test("with preventAbort the write goes on, and what was read comes behind it", async () => {
    const { readable, enqueue } = route.origin();
    const drain = route.drain({ isSlow: true, highWaterMark: 3 });
    const abort = new AbortController();
    const { signal } = abort;
    const piped = pipe(readable, drain.writable, { signal, preventAbort: true });
    enqueue("a", "b", "c", "d");
    await settle();
    abort.abort(reason);
    if (!frees) {
      expect(await outcome(piped)).toBe("pending");
      drain.release();
      await settle();
      expect(drain.log).toEqual(["a", "b"]);
      return;
    }
    expect(await reasonOf(piped)).toBe(reason);
    const writer = drain.writable.getWriter();
    expect(writer.desiredSize).toBe(0);
    const later = [writer.write("later"), writer.close()];
    for (const written of ["a", "b", "c", "later"]) {
      await settle();
      expect(drain.log.at(-1)).toBe(written);
      expect(drain.held).toBe(1);
      drain.release();
    }
    await Promise.all(later);
    expect(drain.log).toEqual(["a", "b", "c", "later", "close"]);
  });
});

describe("the signal frees a pipe of stages", () => {
  test.each([
    ["map", () => map((chunk: number) => chunk)],
    ["bounded", () => bounded<number>({ highWaterMark: 2 })],
  ])("that stalls behind %s", async (_, make) => {
    let isReturned = false;
    const source = fromIterable<number>({
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: 1 }),
        return: () => {
          isReturned = true;
          return { done: true, value: undefined };
        },
      }),
    });
    const { promise } = withResolvers();
    const abort = new AbortController();
    const stage = make();
    const first = pipe(source, stage.writable, { signal: abort.signal });
    const second = pipe(stage.readable, sink({ write: () => promise }));
    expect(await outcome(first)).toBe("pending");
    abort.abort(reason);
    expect(await reasonOf(first)).toBe(reason);
    expect(isReturned).toBe(true);
    // The second pipe knows no signal, and its sink never answers.
    expect(await outcome(second)).toBe("pending");
  });

  test("through one signal for all", async () => {
    const { promise } = withResolvers();
    const { signal, abort } = ((controller) => ({
      signal: controller.signal,
      abort: () => controller.abort(reason),
    }))(new AbortController());
    const piped = pipe(
      fromIterable([1, 2, 3])
        .pipeThrough(
          map((chunk: number) => chunk),
          { signal },
        )
        .pipeThrough(bounded<number>(), { signal }),
      sink({ write: () => promise }),
      { signal },
    );
    expect(await outcome(piped)).toBe("pending");
    abort();
    expect(await reasonOf(piped)).toBe(reason);
  });
});

describe("listeners of the signal", () => {
  test("are gone when the pipe has ended", async () => {
    const abort = new AbortController();
    const { signal } = abort;
    const listeners = new Set<unknown>();
    const [add, remove] = [signal.addEventListener, signal.removeEventListener];
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listeners.add(given[1]);
      Reflect.apply(add, signal, given);
    };
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listeners.delete(given[1]);
      Reflect.apply(remove, signal, given);
    };
    const piped = fromIterable([1]).pipeTo(sink(), { signal });
    expect(listeners.size).toBe(1);
    await piped;
    expect(listeners.size).toBe(0);
  });
});
