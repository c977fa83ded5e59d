import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { bounded, map } from "../../src/index.ts";
import {
  CANCEL_ROUTES,
  DRAINS,
  failure,
  FALSY,
  ORIGINS,
  reasonOf,
  ROUTES,
  TRUTHY,
  withResolvers,
} from "./rig.ts";

// Closing goes backward: the destination is closed, or about to be, when the pipe begins.

describe.each(ROUTES)("the destination is closed already, $name", (route) => {
  async function closed(): Promise<WritableStream<unknown>> {
    const { writable } = route.drain();
    await writable.close();
    return writable;
  }

  test("the source is cancelled, and the pipe rejects with the same TypeError", async () => {
    const { readable, cancels } = route.origin();
    const writable = await closed();
    const reason = await reasonOf(readable.pipeTo(writable));
    expect(reason).toBeInstanceOf(TypeError);
    expect(cancels).toHaveLength(1);
    expect(cancels[0]).toBe(reason);
    expect([readable.locked, writable.locked]).toEqual([false, false]);
  });

  test("the source is cancelled, though it has chunks", async () => {
    const { readable, enqueue, cancels } = route.origin();
    enqueue("a", "b");
    await reasonOf(readable.pipeTo(await closed()));
    expect(cancels).toHaveLength(1);
  });

  test.each(TRUTHY)("the source stays as it is with preventCancel: %o", async (preventCancel) => {
    const { readable, enqueue, cancels } = route.origin();
    const piped = readable.pipeTo(await closed(), { preventCancel: preventCancel as boolean });
    expect(await reasonOf(piped)).toBeInstanceOf(TypeError);
    expect(cancels).toEqual([]);
    enqueue("still there");
    expect(await readable.getReader().read()).toEqual({ done: false, value: "still there" });
  });

  test.each(FALSY)("the source is cancelled with preventCancel: %o", async (preventCancel) => {
    const { readable, cancels } = route.origin();
    await reasonOf(readable.pipeTo(await closed(), { preventCancel: preventCancel as boolean }));
    expect(cancels).toHaveLength(1);
  });

  test("the other options keep nothing from being cancelled", async () => {
    const { readable, cancels } = route.origin();
    await reasonOf(readable.pipeTo(await closed(), { preventAbort: true, preventClose: true }));
    expect(cancels).toHaveLength(1);
  });

  test("a source that is closed as well closes the destination again: the pipe fulfils", async () => {
    const { readable, close, cancels } = route.origin();
    close();
    await settle();
    await expect(readable.pipeTo(await closed())).resolves.toBeUndefined();
    expect(cancels).toEqual([]);
  });
});

describe.each(ROUTES)("the destination is closing when the pipe begins, $name", (route) => {
  test("the source is cancelled with a TypeError", async () => {
    const done = withResolvers();
    const { readable, cancels } = route.origin();
    const { writable, log } = route.drain({ close: () => done.promise });
    const closing = writable.close();
    const reason = await reasonOf(readable.pipeTo(writable));
    expect(reason).toBeInstanceOf(TypeError);
    expect(cancels).toEqual([reason]);
    done.resolve();
    await closing;
    expect(log).toEqual(["close"]);
  });

  test("the source is cancelled while the close waits behind a write", async () => {
    const { readable, cancels } = route.origin();
    const drain = route.drain({ isSlow: true });
    const writer = drain.writable.getWriter();
    const earlier = [writer.write("a"), writer.close()];
    writer.releaseLock();
    const reason = await reasonOf(readable.pipeTo(drain.writable));
    expect(reason).toBeInstanceOf(TypeError);
    expect(cancels).toEqual([reason]);
    drain.release();
    await Promise.all(earlier);
    expect(drain.log).toEqual(["a", "close"]);
  });

  test("a writer of the platform's own class may have closed it", async () => {
    const { readable, cancels } = route.origin();
    const drain = route.drain({ isSlow: true });
    const writer = new WritableStreamDefaultWriter(drain.writable);
    const earlier = [writer.write("a"), writer.close()];
    writer.releaseLock();
    const piped = readable.pipeTo(drain.writable);
    piped.catch(() => {});
    await settle();
    drain.release();
    const reason = await reasonOf(piped);
    expect(reason).toBeInstanceOf(TypeError);
    expect(cancels).toEqual([reason]);
    await Promise.all(earlier);
    expect(drain.log).toEqual(["a", "close"]);
  });
});

describe.each(CANCEL_ROUTES)("cancel() of the source answers, $name", (route) => {
  test("and the pipe rejects with what it rejected with", async () => {
    const error = failure("cancel");
    const { readable } = route.origin(() => Promise.reject(error));
    const { writable } = route.drain();
    await writable.close();
    expect(await reasonOf(readable.pipeTo(writable))).toBe(error);
  });
});

describe.each(["end", "bounded", "map"] as const)("stages as destinations, from %s", (from) => {
  test.each([
    ["bounded", () => bounded<unknown>()],
    ["map", () => map((chunk: unknown) => chunk)],
  ])("%s refuses once it is closed", async (_, make) => {
    const { readable, cancels } = ORIGINS[from]();
    const pair = make();
    const closing = pair.writable.close();
    const rest = pair.readable.pipeTo(DRAINS.sink().writable);
    await Promise.all([closing, rest]);
    const reason = await reasonOf(readable.pipeTo(pair.writable));
    expect(reason).toBeInstanceOf(TypeError);
    expect(cancels).toEqual([reason]);
  });
});
