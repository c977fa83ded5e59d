import { isSettled, settle } from "@spillway/testing";
import { describe, expect, test, vi } from "vitest";
import { readAll } from "../test/read-all.ts";
import { pumped } from "./ends.ts";
import { fromEvents, type FromEventsOptions } from "./from-events.ts";
import { conflate } from "./conflate.ts";
import type { OverflowPolicy } from "./policy.ts";
import { sink } from "./sink.ts";

class NumberEvent extends Event {
  readonly number: number;

  constructor(number: number, type = "number") {
    super(type);
    this.number = number;
  }
}

class FailureEvent extends Event {
  readonly error: unknown;

  constructor(error: unknown) {
    super("failure");
    this.error = error;
  }
}

/** A target that tells who listens. */
class Emitter extends EventTarget {
  readonly listening = new Map<string, number>();

  override addEventListener(...[type, ...rest]: Parameters<EventTarget["addEventListener"]>): void {
    super.addEventListener(type, ...rest);
    this.listening.set(type, (this.listening.get(type) ?? 0) + 1);
  }

  override removeEventListener(
    ...[type, ...rest]: Parameters<EventTarget["removeEventListener"]>
  ): void {
    super.removeEventListener(type, ...rest);
    this.listening.set(type, (this.listening.get(type) ?? 0) - 1);
  }

  get listeners(): number {
    return [...this.listening.values()].reduce((sum, count) => sum + count, 0);
  }

  emit(...numbers: readonly number[]): void {
    for (const number of numbers) this.dispatchEvent(new NumberEvent(number));
  }
}

const numbers = { map: (event: NumberEvent) => event.number };

function listen(options?: FromEventsOptions<NumberEvent, number>) {
  const target = new Emitter();
  const { readable, stats } = fromEvents(target, "number", { ...numbers, ...options });
  const reader = readable.getReader();
  reader.closed.catch(() => {});
  return { target, reader, stats };
}

describe("fromEvents()", () => {
  test("gives what came before it was read, and what comes later", async () => {
    const { target, reader, stats } = listen();
    target.emit(1, 2);
    expect(await reader.read()).toEqual({ done: false, value: 1 });
    expect(await reader.read()).toEqual({ done: false, value: 2 });
    const read = reader.read();
    expect(await isSettled(read)).toBe(false);
    target.emit(3);
    expect(await read).toEqual({ done: false, value: 3 });
    expect(stats()).toMatchObject({ offered: 3, delivered: 3, queued: 0 });
    await reader.cancel();
  });

  test("gives the events themselves without a map", async () => {
    const target = new EventTarget();
    const reader = fromEvents(target, "tick").readable.getReader();
    const event = new Event("tick");
    target.dispatchEvent(event);
    expect((await reader.read()).value).toBe(event);
    await reader.cancel();
  });

  test("hears a real message port", async () => {
    const { port1, port2 } = new MessageChannel();
    const { readable } = fromEvents(port2, "message", {
      map: (event: MessageEvent<string>) => event.data,
    });
    port2.start();
    const reader = readable.getReader();
    for (const word of ["a", "b"]) port1.postMessage(word);
    expect((await reader.read()).value).toBe("a");
    expect((await reader.read()).value).toBe("b");
    await reader.cancel();
    port1.close();
    port2.close();
  });

  describe("when nobody reads", () => {
    test("keeps the newest 64 and counts the rest", async () => {
      const { target, reader, stats } = listen();
      target.emit(...Array.from({ length: 1000 }, (_, index) => index));
      expect(stats()).toMatchObject({
        offered: 1000,
        queued: 64,
        dropped: { chunks: 936, reasons: { oldest: { chunks: 936, size: 936 } } },
      });
      expect((await reader.read()).value).toBe(936);
      await reader.cancel();
      expect(stats()).toMatchObject({ dropped: { reasons: { cancelled: { chunks: 63 } } } });
    });

    test.each([
      ["drop-oldest", [4, 5]],
      ["drop-newest", [1, 2]],
      ["latest", [5]],
      [conflate<number, number>({ key: (number) => number % 2 }), [5, 4]],
    ] as const)("keeps what %o keeps", async (overflow, kept) => {
      const dropped: number[] = [];
      const { target, reader } = listen({
        overflow,
        highWaterMark: 2,
        closeType: "close",
        onDrop: ({ chunk }) => dropped.push(chunk),
      });
      target.emit(1, 2, 3, 4, 5);
      target.dispatchEvent(new Event("close"));
      expect(await readAll(reader)).toEqual(kept);
      expect([...kept, ...dropped].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
    });

    test("bounds sizes and ages", async () => {
      let time = 0;
      const { target, reader, stats } = listen({
        size: (number) => number,
        highWaterMark: 10,
        maxAgeMs: 100,
        now: () => time,
      });
      target.emit(4, 4, 4);
      expect(stats()).toMatchObject({ queuedSize: 8, dropped: { size: 4 } });
      time = 101;
      target.emit(1);
      expect((await reader.read()).value).toBe(1);
      expect(stats().dropped.reasons).toMatchObject({ expired: { chunks: 2, size: 8 } });
      await reader.cancel();
    });
  });

  describe("stops listening", () => {
    const options = { closeType: "close", errorType: "failure" };

    test("to all three types when it is cancelled", async () => {
      const controller = new AbortController();
      const { target, reader } = listen({ ...options, signal: controller.signal });
      expect(target.listeners).toBe(3);
      await reader.cancel("enough");
      expect(target.listeners).toBe(0);
      target.emit(1);
      controller.abort();
      expect(await reader.read()).toEqual({ done: true, value: undefined });
    });

    test("at the closing event, behind what waits", async () => {
      const { target, reader } = listen(options);
      target.emit(1, 2);
      target.dispatchEvent(new Event("close"));
      expect(target.listeners).toBe(0);
      target.emit(3);
      expect(await isSettled(reader.closed)).toBe(false);
      expect(await readAll(reader)).toEqual([1, 2]);
    });

    test("at the closing event with a read that waits", async () => {
      const { target, reader } = listen(options);
      const read = reader.read();
      await settle();
      target.dispatchEvent(new Event("close"));
      expect(await read).toEqual({ done: true, value: undefined });
    });

    test("at the failing event, with its error", async () => {
      const error = new Error("The sensor is gone");
      const { target, reader, stats } = listen(options);
      target.emit(1);
      target.dispatchEvent(new FailureEvent(error));
      await expect(reader.read()).rejects.toBe(error);
      expect(target.listeners).toBe(0);
      expect(stats().dropped.reasons).toEqual({ closed: { chunks: 1, size: 1 } });
    });

    test("at a failing event without an error, which it names", async () => {
      const { target, reader } = listen(options);
      const event = new Event("failure");
      target.dispatchEvent(event);
      await expect(reader.read()).rejects.toMatchObject({
        code: "SPW_ERR_SOURCE",
        message: "Cannot read events: got event failure",
        cause: event,
      });
    });

    test("when its signal aborts, with the very reason", async () => {
      const controller = new AbortController();
      const reason = new Error("The page is hidden");
      const { target, reader, stats } = listen({ ...options, signal: controller.signal });
      target.emit(1);
      controller.abort(reason);
      await expect(reader.read()).rejects.toBe(reason);
      expect(target.listeners).toBe(0);
      expect(stats().dropped.reasons).toEqual({ aborted: { chunks: 1, size: 1 } });
    });

    test("to its signal, too, on every way out", async () => {
      const ways: ((target: Emitter, reader: ReadableStreamDefaultReader) => unknown)[] = [
        (_, reader) => reader.cancel(),
        (target) => target.dispatchEvent(new Event("close")),
        (target) => target.dispatchEvent(new Event("failure")),
      ];
      for (const leave of ways) {
        const { signal } = new AbortController();
        const forget = vi.spyOn(signal, "removeEventListener");
        const { target, reader } = listen({ ...options, signal });
        expect(forget).not.toHaveBeenCalled();
        await leave(target, reader);
        expect(forget).toHaveBeenCalledWith("abort", expect.any(Function));
      }
    });

    test("before it begins when its signal has aborted", async () => {
      const reason = new Error("Too late");
      const { target, reader } = listen({ ...options, signal: AbortSignal.abort(reason) });
      expect(target.listening.size).toBe(0);
      await expect(reader.read()).rejects.toBe(reason);
    });

    test("when the map throws, with what it threw", async () => {
      const error = new Error("Not a number");
      const { target, reader } = listen({
        ...options,
        map: () => {
          throw error;
        },
      });
      target.emit(1);
      await expect(reader.read()).rejects.toBe(error);
      expect(target.listeners).toBe(0);
    });

    test('on overflow with "error"', async () => {
      const { target, reader } = listen({ ...options, overflow: "error", highWaterMark: 1 });
      target.emit(1, 2);
      await expect(reader.read()).rejects.toMatchObject({ code: "SPW_ERR_OVERFLOW" });
      expect(target.listeners).toBe(0);
    });

    test("when its policy wants it to wait", async () => {
      const overflow: OverflowPolicy<number> = {
        name: "patient",
        start: () => ({ onlyWhenFull: true, admit: () => "wait" }),
      };
      const { target, reader } = listen({ ...options, overflow, highWaterMark: 1 });
      target.emit(1, 2);
      await expect(reader.read()).rejects.toMatchObject({ code: "SPW_ERR_OPTION" });
      expect(target.listeners).toBe(0);
    });

    test("when the sink of its pipe fails", async () => {
      const reason = new Error("The sink breaks");
      const target = new Emitter();
      const { readable } = fromEvents(target, "number", numbers);
      const piped = readable.pipeTo(sink({ write: () => Promise.reject(reason) }));
      await settle();
      target.emit(1);
      await expect(piped).rejects.toBe(reason);
      expect(target.listeners).toBe(0);
    });
  });

  test("goes through a pipe without a promise for each event", async () => {
    const target = new Emitter();
    const options = { ...numbers, closeType: "close", highWaterMark: 500 };
    const { readable, stats } = fromEvents(target, "number", options);
    const received: number[] = [];
    const before = pumped();
    const piped = readable.pipeTo(sink({ write: (number) => void received.push(number) }));
    await settle();
    const all = Array.from({ length: 500 }, (_, index) => index);
    target.emit(0);
    // It is there as soon as it was dispatched.
    expect(received).toEqual([0]);
    target.emit(...all.slice(1));
    // The turn may be over before the last one.
    await settle();
    target.dispatchEvent(new Event("close"));
    await piped;
    expect(received).toEqual(all);
    expect(pumped() - before).toBe(500);
    expect(stats()).toMatchObject({ delivered: 500, dropped: { chunks: 0 } });
  });

  test("refuses what it cannot use and listens to nothing", () => {
    const target = new Emitter();
    const option = expect.objectContaining({ code: "SPW_ERR_OPTION" });
    const wrong: object[] = [
      { overflow: "wait" },
      { overflow: "newest" },
      { highWaterMark: 0 },
      { map: "data" },
      { closeType: 1 },
      { errorType: null },
      { signal: {} },
      { onDrop: 1 },
    ];
    for (const options of wrong) {
      expect(() => fromEvents(target, "number", options)).toThrow(option);
    }
    expect(() => fromEvents({} as EventTarget, "number")).toThrow(option);
    expect(() => fromEvents(target, 1 as unknown as string)).toThrow(option);
    expect(target.listening.size).toBe(0);
  });
});
