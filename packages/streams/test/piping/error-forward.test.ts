import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import {
  ALL_ROUTES,
  failure,
  FALSY,
  outcome,
  pipe,
  reasonOf,
  REJECTS_LATE,
  ROUTES,
  TRUTHY,
  withResolvers,
} from "./rig.ts";

// Errors go forward: the source errors, and the destination is aborted with the very reason.

const reason = failure("source");

describe.each(ROUTES)("the source errors, $name", (route) => {
  test.each(["before", "after"])("%s the pipe: the sink is aborted", async (when) => {
    const { readable, error } = route.origin();
    const { writable, log } = route.drain();
    if (when === "before") error(reason);
    await settle();
    const piped = pipe(readable, writable);
    if (when === "after") error(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(log).toEqual([{ aborted: reason }]);
    expect((log[0] as { aborted: unknown }).aborted).toBe(reason);
    expect([readable.locked, writable.locked]).toEqual([false, false]);
    expect(await reasonOf(writable.getWriter().closed)).toBe(reason);
    expect(await reasonOf(readable.getReader().closed)).toBe(reason);
  });

  test.each(["before", "after"])("%s the pipe, into a sink that starts slowly", async (when) => {
    const started = withResolvers();
    const { readable, error } = route.origin();
    const { writable, log } = route.drain({ start: () => started.promise });
    if (when === "before") error(reason);
    await settle();
    const piped = pipe(readable, writable);
    if (when === "after") error(reason);
    expect(await outcome(piped)).toBe("pending");
    expect(log).toEqual([]);
    started.resolve();
    expect(await reasonOf(piped)).toBe(reason);
    expect(log).toEqual([{ aborted: reason }]);
  });

  test("with undefined, and the pipe rejects with that", async () => {
    const { readable, error } = route.origin();
    const { writable, log } = route.drain();
    const piped = pipe(readable, writable);
    error(undefined);
    expect(await outcome(piped)).toEqual({ rejected: undefined });
    expect(log).toEqual([{ aborted: undefined }]);
  });

  test("after some chunks, which stay written", async () => {
    const { readable, enqueue, error } = route.origin();
    const { writable, log } = route.drain();
    const piped = pipe(readable, writable);
    enqueue("a", "b");
    await settle();
    error(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(log).toEqual(["a", "b", { aborted: reason }]);
  });

  test.each(TRUTHY)("the sink stays open with preventAbort: %o", async (preventAbort) => {
    const { readable, error } = route.origin();
    const { writable, log } = route.drain();
    const piped = pipe(readable, writable, { preventAbort: preventAbort as boolean });
    error(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(log).toEqual([]);
    const writer = writable.getWriter();
    await writer.write("a");
    await writer.close();
    expect(log).toEqual(["a", "close"]);
  });

  test.each(FALSY)("the sink is aborted with preventAbort: %o", async (preventAbort) => {
    const { readable, error } = route.origin();
    const { writable, log } = route.drain();
    const piped = pipe(readable, writable, { preventAbort: preventAbort as boolean });
    error(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(log).toEqual([{ aborted: reason }]);
  });

  test("the other options keep nothing from being aborted", async () => {
    const { readable, error } = route.origin();
    const { writable, log } = route.drain();
    const piped = pipe(readable, writable, { preventCancel: true, preventClose: true });
    error(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(log).toEqual([{ aborted: reason }]);
  });

  test("and the pipe rejects with what abort() rejected with", async () => {
    const refused = failure("abort");
    const rejects = (): Promise<void> => Promise.reject(refused);
    const throws = (): never => {
      throw refused;
    };
    for (const abort of [rejects, throws]) {
      const { readable, error } = route.origin();
      const { writable } = route.drain({ abort });
      const piped = pipe(readable, writable);
      error(reason);
      expect(await reasonOf(piped)).toBe(refused);
      expect(await reasonOf(writable.getWriter().closed)).toBe(reason);
    }
  });

  test("while the sink has no room", async () => {
    const { readable, enqueue, error } = route.origin();
    const drain = route.drain({ isSlow: true });
    const piped = pipe(readable, drain.writable);
    enqueue("a", "b");
    await settle();
    error(reason);
    expect(await outcome(piped)).toBe("pending");
    expect(drain.writable.locked).toBe(true);
    // What was read is written before the sink is aborted.
    drain.release();
    expect(await reasonOf(piped)).toBe(reason);
    expect(drain.log).toEqual(["a", { aborted: reason }]);
  });

  test("and every chunk that was read is written first", async () => {
    const { readable, enqueue, error } = route.origin();
    const drain = route.drain({ isSlow: true, highWaterMark: 3 });
    const piped = pipe(readable, drain.writable);
    enqueue("a", "b", "c");
    await settle();
    error(reason);
    for (const written of [["a"], ["a", "b"], ["a", "b", "c"]]) {
      expect(await outcome(piped)).toBe("pending");
      expect(drain.log).toEqual(written);
      expect(drain.held).toBe(1);
      drain.release();
    }
    expect(await reasonOf(piped)).toBe(reason);
    expect(drain.log).toEqual(["a", "b", "c", { aborted: reason }]);
  });

  test("and every chunk that was read is written, with preventAbort, too", async () => {
    const { readable, enqueue, error } = route.origin();
    const drain = route.drain({ isSlow: true, highWaterMark: 2 });
    const piped = pipe(readable, drain.writable, { preventAbort: true });
    enqueue("a", "b");
    await settle();
    error(reason);
    expect(await outcome(piped)).toBe("pending");
    expect(drain.writable.locked).toBe(true);
    drain.release();
    expect(await outcome(piped)).toBe("pending");
    drain.release();
    expect(await reasonOf(piped)).toBe(reason);
    expect(drain.log).toEqual(["a", "b"]);
    expect(drain.writable.getWriter().desiredSize).toBe(2);
  });

  test("and the sink that is still at work errors: the pipe rejects with the first", async () => {
    const { readable, enqueue, error } = route.origin();
    const drain = route.drain({ isSlow: true });
    const piped = pipe(readable, drain.writable);
    enqueue("a");
    await settle();
    error(reason);
    await settle();
    const second = failure("sink");
    drain.release({ reason: second });
    if (route.isPumped || !REJECTS_LATE) expect(await reasonOf(piped)).toBe(reason);
    else expect([reason, second]).toContain(await reasonOf(piped));
    expect(await reasonOf(drain.writable.getWriter().closed)).toBe(second);
    expect(drain.log).toEqual(["a"]);
  });
});

describe.each(ALL_ROUTES)("the source errors when it is asked, $name", (route) => {
  test("the sink is aborted behind what it got", async () => {
    const { readable, enqueue, error, cancels } = route.origin();
    const { writable, log } = route.drain();
    const piped = pipe(readable, writable);
    enqueue("a");
    await settle();
    error(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(log).toEqual(["a", { aborted: reason }]);
    expect(cancels).toEqual([]);
  });
});
