import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { failure, outcome, pipe, reasonOf, REJECTS_LATE, ROUTES, withResolvers } from "./rig.ts";

// Two ends at once: the first rule that holds decides, in the order of the Standard.

const ofSource = failure("source");
const ofSink = failure("sink");

describe.each(ROUTES)("both streams have ended before the pipe, $name", (route) => {
  test("both errored: the source's error, and nothing else is done", async () => {
    const { readable, error, cancels } = route.origin();
    const drain = route.drain();
    await settle();
    error(ofSource);
    drain.error(ofSink);
    await settle();
    expect(await reasonOf(readable.pipeTo(drain.writable))).toBe(ofSource);
    expect([cancels, drain.log]).toEqual([[], []]);
    expect(await reasonOf(readable.getReader().closed)).toBe(ofSource);
    expect(await reasonOf(drain.writable.getWriter().closed)).toBe(ofSink);
  });

  test("the source errored, the destination is closed", async () => {
    const { readable, error, cancels } = route.origin();
    const { writable, log } = route.drain();
    error(ofSource);
    await writable.close();
    expect(await reasonOf(readable.pipeTo(writable))).toBe(ofSource);
    expect([cancels, log]).toEqual([[], ["close"]]);
  });

  test("the source is closed, the destination errored: its error", async () => {
    const { readable, close, cancels } = route.origin();
    const drain = route.drain();
    await settle();
    close();
    drain.error(ofSink);
    await settle();
    expect(await reasonOf(readable.pipeTo(drain.writable))).toBe(ofSink);
    expect([cancels, drain.log]).toEqual([[], []]);
  });

  test("the source is closed, the destination errored, with preventCancel", async () => {
    const { readable, close } = route.origin();
    const drain = route.drain();
    await settle();
    close();
    drain.error(ofSink);
    await settle();
    const piped = pipe(readable, drain.writable, { preventCancel: true });
    expect(await reasonOf(piped)).toBe(ofSink);
  });

  test("both closed: the pipe fulfils", async () => {
    const { readable, close, cancels } = route.origin();
    const { writable, log } = route.drain();
    close();
    await writable.close();
    await settle();
    expect(await outcome(readable.pipeTo(writable))).toBe("fulfilled");
    expect([cancels, log]).toEqual([[], ["close"]]);
  });

  test("the source is closed, the destination is closing: the pipe fulfils", async () => {
    const done = withResolvers();
    const { readable, close } = route.origin();
    const { writable, log } = route.drain({ close: () => done.promise });
    await settle();
    close();
    await settle();
    const closing = writable.close();
    const piped = pipe(readable, writable);
    expect(await outcome(piped)).toBe("fulfilled");
    done.resolve();
    await closing;
    expect(log).toEqual(["close"]);
  });

  test("the source errored, the destination is closing: the source's error", async () => {
    const { readable, error } = route.origin();
    const { writable, log } = route.drain();
    await settle();
    error(ofSource);
    await settle();
    const closing = writable.close();
    const piped = pipe(readable, writable, { preventAbort: true });
    expect(await reasonOf(piped)).toBe(ofSource);
    await closing;
    expect(log).toEqual(["close"]);
  });
});

describe.each(ROUTES)("both streams end during the pipe, $name", (route) => {
  test("the source errors, then the destination: the first decides", async () => {
    const { readable, error, cancels } = route.origin();
    const drain = route.drain();
    await settle();
    const piped = pipe(readable, drain.writable);
    await settle();
    error(ofSource);
    await settle();
    drain.error(ofSink);
    expect(await reasonOf(piped)).toBe(ofSource);
    expect([cancels, drain.log]).toEqual([[], [{ aborted: ofSource }]]);
  });

  test("the destination errors, then the source: the first decides", async () => {
    const { readable, error, cancels } = route.origin();
    const drain = route.drain();
    await settle();
    const piped = pipe(readable, drain.writable);
    await settle();
    drain.error(ofSink);
    await settle();
    // Cancelled, it cannot error any more.
    if (route.from !== "native") error(ofSource);
    expect(await reasonOf(piped)).toBe(ofSink);
    expect([cancels, drain.log]).toEqual([[ofSink], []]);
  });

  test("the source closes, then the destination errors before its last write is over", async () => {
    const { readable, enqueue, close, cancels } = route.origin();
    const drain = route.drain({ isSlow: true });
    const piped = pipe(readable, drain.writable);
    enqueue("a");
    close();
    await settle();
    drain.error(ofSink);
    drain.release();
    expect(await reasonOf(piped)).toBe(ofSink);
    expect([cancels, drain.log]).toEqual([[], ["a"]]);
  });

  test("the source errors, then the destination before its last write is over", async () => {
    const { readable, enqueue, error, cancels } = route.origin();
    const drain = route.drain({ isSlow: true });
    const piped = pipe(readable, drain.writable);
    enqueue("a");
    await settle();
    error(ofSource);
    await settle();
    drain.error(ofSink);
    drain.release();
    if (route.isPumped || !REJECTS_LATE) expect(await reasonOf(piped)).toBe(ofSource);
    else expect([ofSource, ofSink]).toContain(await reasonOf(piped));
    expect([cancels, drain.log]).toEqual([[], ["a"]]);
  });
});

describe.each(ROUTES)("every set of options, $name", (route) => {
  const flags = [false, true];
  const sets = flags.flatMap((preventAbort) =>
    flags.flatMap((preventCancel) =>
      flags.map((preventClose) => ({ preventAbort, preventCancel, preventClose })),
    ),
  );

  test.each(sets)("%o", async (options) => {
    const ends = {
      closed: { cancels: 0, log: options.preventClose ? [] : ["close"] },
      errored: { cancels: 0, log: options.preventAbort ? [] : [{ aborted: ofSource }] },
      refused: { cancels: options.preventCancel ? 0 : 1, log: [] },
      aborted: {
        cancels: options.preventCancel ? 0 : 1,
        log: options.preventAbort ? [] : [{ aborted: ofSource }],
      },
    };
    for (const [how, { cancels, log }] of Object.entries(ends)) {
      const origin = route.origin();
      const drain = route.drain();
      const abort = new AbortController();
      await settle();
      const { signal } = abort;
      const piped = pipe(origin.readable, drain.writable, { ...options, signal });
      await settle();
      if (how === "closed") origin.close();
      else if (how === "errored") origin.error(ofSource);
      else if (how === "refused") drain.error(ofSink);
      else abort.abort(ofSource);
      const state = await outcome(piped);
      if (how === "closed") expect(state).toBe("fulfilled");
      else expect(state).toEqual({ rejected: how === "refused" ? ofSink : ofSource });
      expect(origin.cancels).toHaveLength(cancels);
      expect(drain.log).toEqual(log);
      expect([origin.readable.locked, drain.writable.locked]).toEqual([false, false]);
    }
  });
});
