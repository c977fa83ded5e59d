import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import {
  failure,
  FALSY,
  outcome,
  reasonOf,
  REJECTS_LATE,
  ROUTES,
  TRUTHY,
  withResolvers,
} from "./rig.ts";

// https://streams.spec.whatwg.org/#rs-pipeTo-shutdown-with-action: closing goes forward.

describe.each(ROUTES)("the source closes, $name", (route) => {
  test.each(["before", "after"])("%s the pipe: the sink is closed", async (when) => {
    const { readable, close } = route.origin();
    const { writable, log } = route.drain();
    if (when === "before") close();
    await settle();
    const piped = readable.pipeTo(writable);
    if (when === "after") {
      await settle();
      close();
    }
    await piped;
    expect(log).toEqual(["close"]);
    await expect(writable.getWriter().closed).resolves.toBeUndefined();
  });

  test.each(["before", "after"])("%s the pipe, into a sink that starts slowly", async (when) => {
    const started = withResolvers();
    const { readable, close } = route.origin();
    const { writable, log } = route.drain({ start: () => started.promise });
    if (when === "before") close();
    const piped = readable.pipeTo(writable);
    if (when === "after") close();
    expect(await outcome(piped)).toBe("pending");
    expect(log).toEqual([]);
    started.resolve();
    await piped;
    expect(log).toEqual(["close"]);
  });

  test.each(TRUTHY)("the sink stays open with preventClose: %o", async (preventClose) => {
    const { readable, enqueue, close } = route.origin();
    const { writable, log } = route.drain();
    enqueue("a");
    close();
    await readable.pipeTo(writable, { preventClose: preventClose as boolean });
    expect(log).toEqual(["a"]);
    const writer = writable.getWriter();
    expect(writer.desiredSize).toBe(1);
    await writer.write("b");
    await writer.close();
    expect(log).toEqual(["a", "b", "close"]);
  });

  test.each(FALSY)("the sink is closed with preventClose: %o", async (preventClose) => {
    const { readable, enqueue, close } = route.origin();
    const { writable, log } = route.drain();
    enqueue("a");
    close();
    await readable.pipeTo(writable, { preventClose: preventClose as boolean });
    expect(log).toEqual(["a", "close"]);
  });

  test("the other options keep nothing from being closed", async () => {
    const { readable, close } = route.origin();
    const { writable, log } = route.drain();
    close();
    await readable.pipeTo(writable, { preventAbort: true, preventCancel: true });
    expect(log).toEqual(["close"]);
  });

  test("and the pipe rejects with what close() rejected with", async () => {
    const error = failure("close");
    for (const close of [() => Promise.reject(error), () => thrown(error)]) {
      const origin = route.origin();
      const { writable } = route.drain({ close });
      origin.close();
      expect(await reasonOf(origin.readable.pipeTo(writable))).toBe(error);
      expect([origin.readable.locked, writable.locked]).toEqual([false, false]);
      expect(await reasonOf(writable.getWriter().closed)).toBe(error);
    }
  });

  test("once every write is over", async () => {
    const { readable, enqueue, close } = route.origin();
    const drain = route.drain({ isSlow: true, highWaterMark: 4 });
    const piped = readable.pipeTo(drain.writable);
    enqueue("a", "b");
    close();
    await settle();
    expect(drain.log).toEqual(["a"]);
    drain.release();
    await settle();
    expect(drain.log).toEqual(["a", "b"]);
    expect([readable.locked, drain.writable.locked]).toEqual([true, true]);
    expect(await outcome(piped)).toBe("pending");
    drain.release();
    await piped;
    expect(drain.log).toEqual(["a", "b", "close"]);
  });

  test("once every write is over, with preventClose, too", async () => {
    const { readable, enqueue, close } = route.origin();
    const drain = route.drain({ isSlow: true, highWaterMark: 4 });
    const piped = readable.pipeTo(drain.writable, { preventClose: true });
    enqueue("a", "b");
    close();
    await settle();
    drain.release();
    expect(await outcome(piped)).toBe("pending");
    expect(drain.writable.locked).toBe(true);
    expect(drain.log).toEqual(["a", "b"]);
    drain.release();
    await piped;
    expect(drain.writable.locked).toBe(false);
    expect(drain.log).toEqual(["a", "b"]);
  });

  test("and the last write fails: the pipe rejects with that", async () => {
    const { readable, enqueue, close } = route.origin();
    const drain = route.drain({ isSlow: true });
    const piped = readable.pipeTo(drain.writable);
    enqueue("a");
    close();
    await settle();
    const reason = failure("write");
    drain.release({ reason });
    expect(await reasonOf(piped)).toBe(reason);
    expect(drain.log).toEqual(["a"]);
  });

  test("and the last write fails, with preventClose: the pipe has done its part", async () => {
    const { readable, enqueue, close } = route.origin();
    const drain = route.drain({ isSlow: true });
    const piped = readable.pipeTo(drain.writable, { preventClose: true });
    enqueue("a");
    close();
    await settle();
    const reason = failure("write");
    drain.release({ reason });
    // The Standard waits for the write and no more.
    if (route.isPumped || !REJECTS_LATE) expect(await outcome(piped)).toBe("fulfilled");
    else await piped.catch(() => {});
    expect(await reasonOf(drain.writable.getWriter().closed)).toBe(reason);
  });

  test("nothing is written after the close", async () => {
    const closed = withResolvers();
    const { readable, enqueue, close } = route.origin();
    const { writable, log } = route.drain({ close: () => closed.promise, highWaterMark: 2 });
    const piped = readable.pipeTo(writable);
    enqueue("a", "b");
    close();
    expect(await outcome(piped)).toBe("pending");
    expect(log).toEqual(["a", "b", "close"]);
    closed.resolve();
    await piped;
  });
});

function thrown(error: Error): never {
  throw error;
}
