import { isSettled } from "@spillway/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { broadcast, type Broadcast, type SubscribeOptions } from "./broadcast.ts";
import { conflate } from "./conflate.ts";
import { keyframes } from "./keyframes.ts";
import { overflowPolicy } from "./overflow.ts";
import type { DropReason, OverflowPolicy, PolicyQueue } from "./policy.ts";

const isKey = (picture: string): boolean => picture.startsWith("K");

function publishAll<T>(hub: Broadcast<T, unknown>, chunks: readonly T[]): void {
  for (const chunk of chunks) hub.publish(chunk);
}

/** Reads what is there without waiting for more. */
async function readWaiting<T>(stream: ReadableStream<T>): Promise<T[]> {
  const reader = stream.getReader();
  const chunks: T[] = [];
  for (;;) {
    const read = reader.read();
    if (!(await isSettled(read))) break;
    const { done, value } = await read;
    if (done) return chunks;
    chunks.push(value);
  }
  reader.releaseLock();
  return chunks;
}

/** Subscribes with a policy that shows its queue, and collects the drops. */
function watch<T>(
  hub: Broadcast<T, T>,
  options: SubscribeOptions<T> = {},
): { readable: ReadableStream<T>; queue: PolicyQueue<T>; drops: [T, DropReason][] } {
  const policy = overflowPolicy<T>(options.overflow ?? "drop-oldest");
  const drops: [T, DropReason][] = [];
  let queue: PolicyQueue<T> | undefined;
  const overflow: OverflowPolicy<T> = {
    ...policy,
    start: (own) => {
      queue = own;
      return policy.start(own);
    },
  };
  const onDrop = ({ chunk }: { chunk: T }, reason: DropReason): number =>
    drops.push([chunk, reason]);
  const readable = hub.subscribe({ onDrop, ...options, overflow });
  if (!queue) throw new Error("Cannot watch: the policy was not started");
  return { readable, queue, drops };
}

describe("broadcast()", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["performance"] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test("gives every subscriber everything, in order, from when it joined", async () => {
    const hub = broadcast<number>();
    const one = hub.subscribe();
    hub.publish(1);
    const two = hub.subscribe();
    publishAll(hub, [2, 3]);
    hub.close();
    expect(await readWaiting(one)).toEqual([1, 2, 3]);
    expect(await readWaiting(two)).toEqual([2, 3]);
    expect(hub.stats()).toMatchObject({ published: 3, subscribers: 0, retained: 3 });
  });

  test("wakes a reader that waits", async () => {
    const hub = broadcast<number>();
    const reader = hub.subscribe().getReader();
    const reads = [reader.read(), reader.read()];
    expect(await isSettled(Promise.race(reads))).toBe(false);
    publishAll(hub, [1, 2]);
    expect((await Promise.all(reads)).map(({ value }) => value)).toEqual([1, 2]);
  });

  test("never lets a slow subscriber hold up a fast one", async () => {
    const hub = broadcast<number>({ capacity: { chunks: 4 } });
    const slow = watch(hub);
    const fast = hub.subscribe().getReader();
    for (let chunk = 0; chunk < 100; chunk++) {
      hub.publish(chunk);
      expect((await fast.read()).value).toBe(chunk);
    }
    expect(await readWaiting(slow.readable)).toEqual([96, 97, 98, 99]);
    expect(slow.drops.map(([chunk]) => chunk)).toEqual(Array.from({ length: 96 }, (_, n) => n));
  });

  test("counts what fell out of the ring", async () => {
    const hub = broadcast<number>({ capacity: { chunks: 3 } });
    const { readable, drops } = watch(hub, { overflow: "drop-newest" });
    publishAll(hub, [1, 2, 3, 4, 5]);
    hub.stats();
    expect(drops).toEqual([
      [1, "lagged"],
      [2, "lagged"],
    ]);
    expect(await readWaiting(readable)).toEqual([3, 4, 5]);
  });

  test("bounds the ring by bytes, and keeps one chunk that is larger", () => {
    const hub = broadcast<Uint8Array>({ capacity: { bytes: 10 } });
    publishAll(hub, [new Uint8Array(6), new Uint8Array(5)]);
    expect(hub.stats()).toMatchObject({ retained: 1, retainedSize: 5 });
    hub.publish(new Uint8Array(50));
    expect(hub.stats()).toMatchObject({ retained: 1, retainedSize: 50 });
  });

  test("bounds what waits by highWaterMark", async () => {
    const hub = broadcast<number>();
    const { readable, drops } = watch(hub, { highWaterMark: 2 });
    publishAll(hub, [1, 2, 3, 4]);
    expect(await readWaiting(readable)).toEqual([3, 4]);
    expect(drops.map(([, reason]) => reason)).toEqual(["oldest", "oldest"]);
  });

  test("bounds the bytes of what outlives the ring", () => {
    const hub = broadcast<{ key: number; byteLength: number }>({ capacity: { bytes: 100 } });
    const { queue } = watch(hub, { overflow: conflate({ key: ({ key }) => key }) });
    for (let key = 0; key < 200; key++) hub.publish({ key, byteLength: 30 });
    hub.stats();
    expect(queue.size).toBe(90);
  });

  test.each(["drop-oldest", "drop-newest", "latest"] as const)(
    "holds no more than two rings for a subscriber that never reads (%s)",
    (overflow) => {
      const hub = broadcast<number>({ capacity: { chunks: 8 } });
      const { queue } = watch(hub, { overflow });
      let most = 0;
      for (let chunk = 0; chunk < 1000; chunk++) {
        hub.publish(chunk);
        most = Math.max(most, queue.length);
        if (queue.length > 0) expect(queue.at(queue.first).chunk).toBeGreaterThan(chunk - 16);
      }
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThanOrEqual(8);
    },
  );

  test("resumes at the newest chunk, the next keyframe, the last of each key", async () => {
    const hub = broadcast<string>({ capacity: { chunks: 8 } });
    const newest = hub.subscribe({ overflow: "latest" });
    const video = hub.subscribe({ overflow: keyframes({ isKey }), highWaterMark: 4 });
    const keyed = hub.subscribe({ overflow: conflate({ key: (chunk) => chunk[0] }) });
    publishAll(hub, ["K0", "D1", "D2", "K3", "D4", "D5", "D6", "D7", "K8", "D9"]);
    expect(await readWaiting(newest)).toEqual(["D9"]);
    expect(await readWaiting(video)).toEqual(["K8", "D9"]);
    expect(await readWaiting(keyed)).toEqual(["K8", "D9"]);
  });

  test("drops what is older than maxAgeMs", async () => {
    const hub = broadcast<number>();
    const { readable, drops } = watch(hub, { maxAgeMs: 100 });
    for (const chunk of [1, 2, 3]) {
      hub.publish(chunk);
      vi.advanceTimersByTime(60);
    }
    expect(await readWaiting(readable)).toEqual([3]);
    expect(drops).toEqual([
      [1, "expired"],
      [2, "expired"],
    ]);
  });

  test("tells of drops within a quarter of a second while chunks come", () => {
    const hub = broadcast<number>();
    const { drops } = watch(hub, { highWaterMark: 1 });
    for (let chunk = 0; chunk < 3; chunk++) {
      vi.advanceTimersByTime(130);
      hub.publish(chunk);
    }
    expect(drops.length).toBeGreaterThan(0);
  });

  describe("retain", () => {
    test('starts at the next chunk with "none"', async () => {
      const hub = broadcast<string>();
      publishAll(hub, ["K0", "D1"]);
      expect(await readWaiting(hub.subscribe())).toEqual([]);
    });

    test('starts at the last chunk with "last"', async () => {
      const hub = broadcast<string>({ retain: "last" });
      expect(await readWaiting(hub.subscribe())).toEqual([]);
      publishAll(hub, ["K0", "D1"]);
      expect(await readWaiting(hub.subscribe())).toEqual(["D1"]);
    });

    test('starts at the last keyframe with "last-keyframe"', async () => {
      const hub = broadcast<string>({ retain: "last-keyframe", isKey });
      publishAll(hub, ["K0", "D1", "K2", "D3", "D4"]);
      expect(await readWaiting(hub.subscribe())).toEqual(["K2", "D3", "D4"]);
    });

    test("starts at the next chunk when the ring has lost the keyframe", async () => {
      const hub = broadcast<string>({ retain: "last-keyframe", isKey, capacity: { chunks: 2 } });
      publishAll(hub, ["K0", "D1", "D2"]);
      expect(await readWaiting(hub.subscribe())).toEqual([]);
    });

    test("loses nothing uncounted when the ring turns over before a late joiner reads", async () => {
      const hub = broadcast<string>({ retain: "last-keyframe", isKey, capacity: { chunks: 3 } });
      publishAll(hub, ["D0", "D1", "D2", "K3", "D4"]);
      // All there is has been shown to all there are.
      hub.stats();
      const late = watch(hub);
      publishAll(hub, ["D5", "D6"]);
      expect(await readWaiting(late.readable)).toEqual(["D4", "D5", "D6"]);
      expect(late.drops).toEqual([["K3", "lagged"]]);
    });

    test("gives a late joiner of a closed hub what is retained", async () => {
      const hub = broadcast<string>({ retain: "last" });
      publishAll(hub, ["a", "b"]);
      hub.close();
      const reader = hub.subscribe().getReader();
      expect(await reader.read()).toEqual({ done: false, value: "b" });
      await reader.closed;
    });
  });

  describe("encode", () => {
    test("is called once per chunk, for the chunks that are taken", async () => {
      const encode = vi.fn((chunk: number) => `#${chunk}`);
      const hub = broadcast<number, string>({ encode });
      const all = [hub.subscribe(), hub.subscribe(), hub.subscribe({ overflow: "latest" })];
      publishAll(hub, [1, 2]);
      hub.close();
      const received = await Promise.all(all.map((readable) => readWaiting(readable)));
      expect(received).toEqual([["#1", "#2"], ["#1", "#2"], ["#2"]]);
      expect(encode).toHaveBeenCalledTimes(2);
    });

    test("may give undefined", async () => {
      const encode = vi.fn(() => undefined);
      const hub = broadcast<number, undefined>({ encode });
      const [one, two] = [hub.subscribe(), hub.subscribe()];
      hub.publish(1);
      expect([await readWaiting(one), await readWaiting(two)]).toEqual([[undefined], [undefined]]);
      expect(encode).toHaveBeenCalledOnce();
    });

    test("errors the subscriber it throws for, not the publisher", async () => {
      const cause = new Error("encode");
      const hub = broadcast<number, number>({
        encode: (chunk) => {
          if (chunk === 1) throw cause;
          return chunk;
        },
      });
      const reader = hub.subscribe().getReader();
      const reading = reader.read();
      await isSettled(reading);
      hub.publish(1);
      await expect(reading).rejects.toMatchObject({ code: "SPW_ERR_CHUNK", cause });
      expect(hub.stats().subscribers).toBe(0);
      const later = hub.subscribe();
      hub.publish(2);
      expect(await readWaiting(later)).toEqual([2]);
    });

    test("may cancel the reader it encodes for", async () => {
      const hub: Broadcast<number> = broadcast<number>({
        encode: (chunk) => {
          reader.cancel().catch(() => {});
          return chunk;
        },
      });
      const reader = hub.subscribe().getReader();
      const reading = reader.read();
      await isSettled(reading);
      hub.publish(1);
      expect(await reading).toEqual({ done: true, value: undefined });
    });
  });

  describe("close()", () => {
    test("ends readers that wait, and others behind what waits for them", async () => {
      const hub = broadcast<number>();
      const waiting = hub.subscribe().getReader();
      const read = waiting.read();
      await isSettled(read);
      const behind = hub.subscribe();
      hub.publish(1);
      hub.close();
      expect(await read).toEqual({ done: false, value: 1 });
      await waiting.closed;
      expect(await readWaiting(behind)).toEqual([1]);
      expect(hub.stats().subscribers).toBe(0);
    });

    test("settles closed with the last chunk, not with another read", async () => {
      const hub = broadcast<number>();
      const reader = hub.subscribe().getReader();
      hub.publish(1);
      hub.close();
      await reader.read();
      await reader.closed;
    });

    test("refuses what is published later", () => {
      const hub = broadcast<number>();
      hub.close();
      expect(() => hub.publish(1)).toThrow(expect.objectContaining({ code: "SPW_ERR_CLOSED" }));
    });

    test("ends who subscribes later", async () => {
      const hub = broadcast<number>();
      hub.close();
      expect(await hub.subscribe().getReader().read()).toEqual({ done: true, value: undefined });
      expect(hub.stats().subscribers).toBe(0);
    });

    test("errors a writable that somebody holds", async () => {
      const hub = broadcast<number>();
      const writer = hub.writable.getWriter();
      hub.close();
      await expect(writer.closed).rejects.toMatchObject({ code: "SPW_ERR_CLOSED" });
    });

    test("lets the first end stand", async () => {
      const hub = broadcast<number>();
      const reader = hub.subscribe().getReader();
      hub.publish(1);
      hub.close();
      hub.abort("late");
      hub.close();
      expect((await reader.read()).value).toBe(1);
      await reader.closed;
    });
  });

  describe("abort()", () => {
    test("errors every subscriber at once, and who comes later", async () => {
      const hub = broadcast<number>();
      const reason = new Error("camera");
      const waiting = hub.subscribe().getReader();
      const read = waiting.read();
      const behind = watch(hub);
      await isSettled(read);
      hub.abort(reason);
      await expect(read).rejects.toBe(reason);
      await expect(behind.readable.getReader().read()).rejects.toBe(reason);
      await expect(hub.subscribe().getReader().read()).rejects.toBe(reason);
      expect(hub.stats().subscribers).toBe(0);
    });

    test("counts what was waiting", () => {
      const hub = broadcast<number>();
      const { readable, drops } = watch(hub);
      readable.getReader().closed.catch(() => {});
      publishAll(hub, [1, 2]);
      hub.stats();
      hub.abort("camera");
      expect(drops).toEqual([
        [1, "aborted"],
        [2, "aborted"],
      ]);
    });

    test("errors the writable, made before or after", async () => {
      const [early, late] = [broadcast<number>(), broadcast<number>()];
      const writer = early.writable.getWriter();
      early.abort("camera");
      late.abort("camera");
      await expect(writer.closed).rejects.toBe("camera");
      await expect(late.writable.getWriter().closed).rejects.toBe("camera");
    });

    test("is the cause of what publish() throws", () => {
      const hub = broadcast<number>();
      const reason = new Error("camera");
      hub.abort(reason);
      expect(() => hub.publish(1)).toThrow(expect.objectContaining({ cause: reason }));
    });
  });

  describe("writable", () => {
    test("publishes, and closes the hub", async () => {
      const hub = broadcast<number>();
      const readable = hub.subscribe();
      const writer = hub.writable.getWriter();
      await writer.write(1);
      await writer.close();
      await writer.closed;
      expect(await readWaiting(readable)).toEqual([1]);
    });

    test("is one stream", () => {
      const hub = broadcast<number>();
      expect(hub.writable).toBe(hub.writable);
    });

    test("errors every subscriber when it is aborted", async () => {
      const hub = broadcast<number>();
      const reader = hub.subscribe().getReader();
      await hub.writable.abort("camera");
      await expect(reader.read()).rejects.toBe("camera");
    });

    test("errors every subscriber when a chunk cannot be published", async () => {
      const hub = broadcast<number>({ size: () => NaN });
      const reader = hub.subscribe().getReader();
      const coded = expect.objectContaining({ code: "SPW_ERR_CHUNK" });
      const read = reader.read();
      read.catch(() => {});
      await expect(hub.writable.getWriter().write(1)).rejects.toEqual(coded);
      await expect(read).rejects.toEqual(coded);
    });
  });

  describe("a subscription", () => {
    test("ends with its reader", async () => {
      const hub = broadcast<number>();
      const { readable, drops } = watch(hub);
      hub.publish(1);
      hub.stats();
      await readable.cancel();
      hub.publish(2);
      expect(drops).toEqual([[1, "cancelled"]]);
      expect(hub.stats().subscribers).toBe(0);
    });

    test("is let go by the hub when its reader leaves while it waits", async () => {
      const hub = broadcast<number>();
      const reader = hub.subscribe().getReader();
      const read = reader.read();
      await isSettled(read);
      await reader.cancel();
      expect(await read).toEqual({ done: true, value: undefined });
      expect(hub.stats().subscribers).toBe(0);
    });

    test("errors with the reason of its signal", async () => {
      const hub = broadcast<number>();
      const controller = new AbortController();
      const reader = hub.subscribe({ signal: controller.signal }).getReader();
      const read = reader.read();
      await isSettled(read);
      controller.abort("left");
      await expect(read).rejects.toBe("left");
      expect(hub.stats().subscribers).toBe(0);
    });

    test("never joins with a signal that has aborted", async () => {
      const hub = broadcast<number>({ retain: "last" });
      hub.publish(1);
      const reader = hub.subscribe({ signal: AbortSignal.abort("left") }).getReader();
      await expect(reader.read()).rejects.toBe("left");
      expect(hub.stats().subscribers).toBe(0);
    });

    test.each(["cancel", "close", "abort"] as const)(
      "leaves no listener behind after %s()",
      async (how) => {
        const hub = broadcast<number>();
        const { signal } = new AbortController();
        const added = vi.spyOn(signal, "addEventListener");
        const removed = vi.spyOn(signal, "removeEventListener");
        const readable = hub.subscribe({ signal });
        if (how === "cancel") await readable.cancel();
        else if (how === "close") hub.close();
        else hub.abort("camera");
        expect(added).toHaveBeenCalledOnce();
        expect(removed.mock.calls[0]?.slice(0, 2)).toEqual(added.mock.calls[0]?.slice(0, 2));
      },
    );

    test("errors on overflow with its own words, and harms nobody else", async () => {
      const hub = broadcast<number>();
      const strict = hub.subscribe({ overflow: "error", highWaterMark: 1 });
      const other = hub.subscribe();
      publishAll(hub, [1, 2]);
      await expect(strict.getReader().read()).rejects.toMatchObject({ code: "SPW_ERR_OVERFLOW" });
      expect(await readWaiting(other)).toEqual([1, 2]);
      expect(hub.stats().subscribers).toBe(1);
    });

    test.each(["admit", "left"] as const)(
      "errors when its policy throws in %s(), not the publisher",
      async (method) => {
        const hub = broadcast<number>();
        const reason = new Error(method);
        const fail = (): never => {
          throw reason;
        };
        const admission = { admit: () => "queue" as const, [method]: fail };
        const reader = hub
          .subscribe({ overflow: { name: "breaks", start: () => admission } })
          .getReader();
        const read = reader.read();
        await isSettled(read);
        hub.publish(1);
        await expect(read).rejects.toMatchObject({ code: "SPW_ERR_CHUNK", cause: reason });
        expect(hub.stats().subscribers).toBe(0);
      },
    );

    test("errors when its policy wants a hub to wait", async () => {
      const hub = broadcast<number>();
      const policy = overflowPolicy<number>("wait");
      const readable = hub.subscribe({ overflow: policy, highWaterMark: 1 });
      publishAll(hub, [1, 2]);
      await expect(readable.getReader().read()).rejects.toMatchObject({ code: "SPW_ERR_OPTION" });
    });
  });

  describe("onDrop", () => {
    test("may publish, even while a policy lets nothing through", async () => {
      const hub = broadcast<string>({ capacity: { chunks: 4 } });
      const again: SubscribeOptions<string> = {
        overflow: keyframes({ isKey }),
        onDrop: ({ chunk }) => {
          if (chunk === "D0") hub.publish("D1");
          if (chunk === "D1") hub.publish("K2");
        },
      };
      const reader = hub.subscribe(again).getReader();
      const read = reader.read();
      await isSettled(read);
      const plain = hub.subscribe();
      hub.publish("D0");
      expect(await read).toEqual({ done: false, value: "K2" });
      expect(await readWaiting(plain)).toEqual(["D0", "D1", "K2"]);
    });

    test("may publish while the ring makes room", async () => {
      let extra = 0;
      const hub = broadcast<string>({
        capacity: { chunks: 2 },
        retain: "last-keyframe",
        isKey,
      });
      hub.subscribe({
        overflow: "latest",
        onDrop: () => {
          if (extra++ === 0) hub.publish("D3");
        },
      });
      publishAll(hub, ["D0", "D1", "K2"]);
      expect(hub.stats()).toMatchObject({ published: 4, retained: 2 });
      expect(await readWaiting(hub.subscribe())).toEqual(["K2"]);
    });

    test("may cancel its own subscription", async () => {
      const hub = broadcast<number>();
      const seen: number[] = [];
      const readable: ReadableStream<number> = hub.subscribe({
        highWaterMark: 1,
        onDrop: ({ chunk }) => {
          seen.push(chunk);
          readable.cancel().catch(() => {});
        },
      });
      publishAll(hub, [1, 2, 3]);
      hub.stats();
      expect(seen).toEqual([1, 2]);
      expect(hub.stats().subscribers).toBe(0);
    });

    test("may subscribe", () => {
      const hub = broadcast<number>();
      let late: ReadableStream<number> | undefined;
      hub.subscribe({ highWaterMark: 1, onDrop: () => (late ??= hub.subscribe()) });
      publishAll(hub, [1, 2]);
      expect(hub.stats().subscribers).toBe(2);
    });
  });

  test.each([
    { capacity: { chunks: 0 } },
    { capacity: { chunks: Infinity } },
    { capacity: { bytes: -1 } },
    { retain: "first" as "last" },
  ])("refuses %o", (options) => {
    expect(() => broadcast(options)).toThrow(RangeError);
  });

  test.each([{ size: 1 }, { encode: "json" }, { isKey: true }, { retain: "last-keyframe" }])(
    "refuses the types of %o",
    (options) => {
      expect(() => broadcast(options as never)).toThrow(TypeError);
    },
  );

  test.each([{ overflow: "wait" as "latest" }, { highWaterMark: 0 }, { maxAgeMs: 0 }])(
    "refuses a subscriber with %o",
    (options) => {
      const hub = broadcast();
      expect(() => hub.subscribe(options)).toThrow(RangeError);
      expect(hub.stats().subscribers).toBe(0);
    },
  );

  test("names highWaterMark when it refuses it", () => {
    expect(() => broadcast().subscribe({ highWaterMark: 0.5 })).toThrow(/option highWaterMark/);
  });
});
