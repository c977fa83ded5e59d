import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { bounded, map } from "../../src/index.ts";
import {
  ALL_ROUTES,
  CANCEL_ROUTES,
  type DrainOptions,
  failure,
  FALSY,
  ORIGINS,
  outcome,
  pipe,
  reasonOf,
  ROUTES,
  TRUTHY,
  withResolvers,
} from "./rig.ts";

// Errors go backward: the destination errors, and the source is cancelled with the very reason.

const reason = failure("sink");

/** Ways in which a sink comes to fail. */
const failing: readonly (readonly [string, DrainOptions])[] = [
  ["whose write() rejects", { write: () => Promise.reject(reason) }],
  [
    "whose write() throws",
    {
      write: () => {
        throw reason;
      },
    },
  ],
  ["that errors itself in write()", { write: (_, controller) => controller.error(reason) }],
  [
    "that errors itself in write() and goes on",
    {
      write: async (_, controller) => {
        controller.error(reason);
        await Promise.resolve();
      },
    },
  ],
];

describe.each(ALL_ROUTES)("the destination fails, $name", (route) => {
  test.each(failing)("a sink %s: the source is cancelled", async (_, options) => {
    const { readable, enqueue, cancels } = route.origin();
    const { writable, log } = route.drain(options);
    const piped = pipe(readable, writable);
    enqueue("a");
    expect(await reasonOf(piped)).toBe(reason);
    expect(cancels).toEqual([reason]);
    expect(log).toEqual(["a"]);
    expect([readable.locked, writable.locked]).toEqual([false, false]);
    expect(await reasonOf(writable.getWriter().closed)).toBe(reason);
  });

  test("on the third chunk of many: no other is written", async () => {
    const { readable, enqueue, cancels } = route.origin();
    const { writable, log } = route.drain({
      highWaterMark: 4,
      write: (chunk) => {
        if (chunk === 3) throw reason;
      },
    });
    const piped = pipe(readable, writable);
    enqueue(1, 2, 3, 4, 5);
    expect(await reasonOf(piped)).toBe(reason);
    expect(log).toEqual([1, 2, 3]);
    expect(cancels).toEqual([reason]);
  });

  test("while it starts: the source is cancelled with what start() rejected with", async () => {
    const started = withResolvers();
    const { readable, enqueue, cancels } = route.origin();
    const { writable, log } = route.drain({ start: () => started.promise });
    const piped = pipe(readable, writable);
    enqueue("a");
    expect(await outcome(piped)).toBe("pending");
    started.reject(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(cancels).toEqual([reason]);
    expect(log).toEqual([]);
  });
});

describe.each(ROUTES)("the destination errors, $name", (route) => {
  test.each(["before", "after"])("%s the pipe: the source is cancelled", async (when) => {
    const { readable, cancels } = route.origin();
    const { writable, log, error } = route.drain();
    await settle();
    if (when === "before") error(reason);
    await settle();
    const piped = pipe(readable, writable);
    if (when === "after") error(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(cancels).toEqual([reason]);
    expect(log).toEqual([]);
    const reader = readable.getReader();
    if (when === "before") await expect(reader.closed).resolves.toBeUndefined();
  });

  test("for it was aborted before the pipe", async () => {
    const { readable, cancels } = route.origin();
    const { writable } = route.drain();
    await writable.abort(reason);
    expect(await reasonOf(readable.pipeTo(writable))).toBe(reason);
    expect(cancels).toEqual([reason]);
  });

  test("for it was aborted before the pipe, without a reason", async () => {
    const { readable, cancels } = route.origin();
    const { writable } = route.drain();
    await writable.abort();
    expect(await outcome(readable.pipeTo(writable))).toEqual({ rejected: undefined });
    expect(cancels).toEqual([undefined]);
  });

  test("for its close() failed before the pipe", async () => {
    for (const close of [
      () => Promise.reject(reason),
      () => {
        throw reason;
      },
    ]) {
      const { readable, cancels } = route.origin();
      const { writable } = route.drain({ close });
      expect(await reasonOf(writable.close())).toBe(reason);
      expect(await reasonOf(readable.pipeTo(writable))).toBe(reason);
      expect(cancels).toEqual([reason]);
    }
  });

  test("for a chunk before the pipe could not be measured", async () => {
    const { readable, enqueue, cancels } = route.origin();
    const { writable, log } = route.drain({
      size: () => {
        throw reason;
      },
    });
    await settle();
    const writer = writable.getWriter();
    const failed = await reasonOf(writer.write("a"));
    writer.releaseLock();
    enqueue("b");
    expect(await reasonOf(readable.pipeTo(writable))).toBe(failed);
    expect(cancels).toEqual([failed]);
    expect(log).toEqual([]);
  });

  test("for a chunk of the pipe cannot be measured", async () => {
    const { readable, enqueue, cancels } = route.origin();
    const { writable, log } = route.drain({
      highWaterMark: 3,
      size: (chunk) => {
        if (chunk === 2) throw reason;
        return 1;
      },
    });
    const piped = pipe(readable, writable);
    enqueue(1, 2, 3);
    const failed = await reasonOf(piped);
    if (route.into === "sink")
      expect(failed).toMatchObject({ code: "SPW_ERR_CHUNK", cause: reason });
    else expect(failed).toBe(reason);
    expect(cancels).toEqual([failed]);
    expect(log).toEqual([1]);
  });

  test.each(TRUTHY)("the source stays as it is with preventCancel: %o", async (preventCancel) => {
    const { readable, enqueue, cancels } = route.origin();
    const { writable, error } = route.drain();
    await settle();
    const piped = pipe(readable, writable, { preventCancel: preventCancel as boolean });
    await settle();
    error(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(cancels).toEqual([]);
    // The read that the platform's pipe had under way comes back to nobody.
    if (route.isPumped) {
      enqueue("still there");
      expect(await readable.getReader().read()).toEqual({ done: false, value: "still there" });
    }
  });

  test("and a chunk that comes in the same moment stays with its source", async () => {
    // The platform's pipe has asked for it.
    if (!route.isPumped) return;
    const { readable, enqueue } = route.origin();
    const { writable, error } = route.drain();
    const piped = pipe(readable, writable, { preventCancel: true });
    await settle();
    error(reason);
    enqueue("late");
    expect(await reasonOf(piped)).toBe(reason);
    expect(await readable.getReader().read()).toEqual({ done: false, value: "late" });
  });

  test.each(FALSY)("the source is cancelled with preventCancel: %o", async (preventCancel) => {
    const { readable, cancels } = route.origin();
    const { writable, error } = route.drain();
    const piped = pipe(readable, writable, { preventCancel: preventCancel as boolean });
    await settle();
    error(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(cancels).toEqual([reason]);
  });

  test("the other options keep nothing from being cancelled", async () => {
    const { readable, cancels } = route.origin();
    const { writable, error } = route.drain();
    const piped = pipe(readable, writable, { preventAbort: true, preventClose: true });
    await settle();
    error(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(cancels).toEqual([reason]);
  });

  test("while a write is under way: the source is cancelled once that is over", async () => {
    const { readable, enqueue, cancels } = route.origin();
    const drain = route.drain({ isSlow: true });
    const piped = pipe(readable, drain.writable);
    enqueue("a");
    await settle();
    drain.error(reason);
    await settle();
    // Our end gives up the write, and Chromium does not wait for it; Node does.
    if (route.into === "sink") expect(cancels).toEqual([reason]);
    drain.release();
    expect(await reasonOf(piped)).toBe(reason);
    expect(cancels).toEqual([reason]);
  });

  test("in close(): the pipe rejects, and nothing is cancelled", async () => {
    const { readable, close, cancels } = route.origin();
    const { writable } = route.drain({ close: () => Promise.reject(reason) });
    const piped = pipe(readable, writable);
    close();
    expect(await reasonOf(piped)).toBe(reason);
    expect(cancels).toEqual([]);
  });
});

describe.each(CANCEL_ROUTES)("cancel() of the source, $name", (route) => {
  test("rejects, and the pipe rejects with that", async () => {
    const refused = failure("cancel");
    const { readable } = route.origin(() => Promise.reject(refused));
    const { writable, error } = route.drain();
    await settle();
    const piped = pipe(readable, writable);
    await settle();
    error(reason);
    expect(await reasonOf(piped)).toBe(refused);
  });

  test("is waited for", async () => {
    const cancelled = withResolvers();
    const { readable } = route.origin(() => cancelled.promise);
    const { writable, error } = route.drain();
    await settle();
    const piped = pipe(readable, writable);
    await settle();
    error(reason);
    expect(await outcome(piped)).toBe("pending");
    expect([readable.locked, writable.locked]).toEqual([true, true]);
    cancelled.resolve();
    expect(await reasonOf(piped)).toBe(reason);
  });
});

describe.each(["end", "bounded", "map", "iterable"] as const)("stages fail, from %s", (from) => {
  test.each([
    ["bounded", () => bounded<unknown>()],
    ["map", () => map((chunk: unknown) => chunk)],
  ])("%s, because its consumer gave up", async (_, make) => {
    const { readable, enqueue, cancels } = ORIGINS[from]();
    const pair = make();
    const piped = pipe(readable, pair.writable);
    const reader = pair.readable.getReader();
    enqueue("a");
    expect(await reader.read()).toEqual({ done: false, value: "a" });
    await reader.cancel(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(cancels).toEqual([reason]);
  });

  test("map, because its function throws", async () => {
    const { readable, enqueue, cancels } = ORIGINS[from]();
    const pair = map((chunk: unknown): unknown => {
      if (chunk === 2) throw reason;
      return chunk;
    });
    const piped = pipe(readable, pair.writable);
    const reader = pair.readable.getReader();
    enqueue(1, 2, 3);
    expect(await reader.read()).toEqual({ done: false, value: 1 });
    expect(await reasonOf(reader.read())).toBe(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(cancels).toEqual([reason]);
  });
});
