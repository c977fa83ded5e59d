import { isSettled, settle } from "@spillway/testing";
import { describe, expect, test, vi } from "vitest";
import { broadcast, Gap, keyframes, sink } from "../src/index.ts";
import { pumped } from "../src/ends.ts";
import { readAll } from "./read-all.ts";

describe("broadcast({ retain: function })", () => {
  test("gives a late joiner the state, then what is published", async () => {
    const state = new Map<string, number>();
    const hub = broadcast<[string, number], string>({
      retain: () => [...state],
      encode: ([key, value]) => `${key}=${value}`,
    });
    const set = (key: string, value: number): void => {
      state.set(key, value);
      hub.publish([key, value]);
    };
    set("a", 1);
    set("b", 1);
    set("a", 2);
    const late = hub.subscribe();
    set("b", 2);
    hub.close();
    expect(await readAll(late.getReader())).toEqual(["a=2", "b=1", "b=2"]);
  });

  test("reads the state only as it is wanted, and lets go of it", async () => {
    let given = 0;
    let returned = 0;
    function* states(): Generator<number> {
      try {
        for (;;) yield given++;
      } finally {
        returned++;
      }
    }
    const hub = broadcast<number>({ retain: states });
    const reader = hub.subscribe().getReader();
    expect((await reader.read()).value).toBe(0);
    expect((await reader.read()).value).toBe(1);
    expect(given).toBe(2);
    await reader.cancel();
    expect(returned).toBe(1);
  });

  test("ends for everybody, whatever it throws when it is let go of", async () => {
    const cause = new Error("no end");
    const hub = broadcast<number>({
      retain: () => ({
        [Symbol.iterator]: () => ({
          next: () => ({ done: false, value: 1 }),
          return: () => {
            throw cause;
          },
        }),
      }),
    });
    const readers = [hub.subscribe().getReader(), hub.subscribe().getReader()];
    const reason = new Error("enough");
    const uncaught = vi.spyOn(globalThis, "queueMicrotask").mockImplementation(() => {});
    hub.abort(reason);
    const reports = uncaught.mock.calls.length;
    uncaught.mockRestore();
    expect(reports).toBe(readers.length);
    for (const reader of readers) await expect(reader.read()).rejects.toBe(reason);
    expect(hub.stats().subscribers).toBe(0);
  });

  test("says that it threw", async () => {
    const cause = new Error("no state");
    const throwing = broadcast<number>({
      retain: () => {
        throw cause;
      },
    });
    expect(() => throwing.subscribe()).toThrow(
      expect.objectContaining({ code: "SPW_ERR_SOURCE", cause }),
    );
    const broken = broadcast<number>({
      // oxlint-disable-next-line require-yield -- it throws before it gives anything
      *retain() {
        throw cause;
      },
    });
    const other = broken.subscribe();
    await expect(other.getReader().read()).rejects.toBe(cause);
    expect(broken.stats().subscribers).toBe(0);
  });
});

describe("a subscriber that is behind", () => {
  test("learns in line how many it lost, and resumes at the oldest kept", async () => {
    const hub = broadcast<number>({ capacity: { chunks: 4 } });
    const readable = hub.subscribe({ gaps: true });
    for (let chunk = 0; chunk < 10; chunk++) hub.publish(chunk);
    expect(hub.statsOf(readable)).toMatchObject({
      offered: 10,
      queued: 4,
      lag: 4,
      dropped: { chunks: 6, reasons: { oldest: { chunks: 6 } } },
    });
    hub.close();
    const [gap, ...chunks] = await readAll(readable.getReader());
    expect(gap).toBeInstanceOf(Gap);
    expect(gap).toMatchObject({ dropped: 6, reason: "oldest" });
    expect(chunks).toEqual([6, 7, 8, 9]);
  });

  test("counts what left the ring by size as lagged", async () => {
    const hub = broadcast<string>({ capacity: { chunks: 100, bytes: 10 } });
    const readable = hub.subscribe();
    for (const word of ["12345", "12345", "12345", "1234567"]) hub.publish(word);
    expect(hub.statsOf(readable)).toMatchObject({
      queued: 1,
      queuedSize: 7,
      dropped: { chunks: 3, size: 15, reasons: { lagged: { chunks: 3, size: 15 } } },
    });
    hub.close();
    expect(await readAll(readable.getReader())).toEqual(["1234567"]);
  });

  test.each(["latest", "drop-oldest"] as const)(
    "keeps books with %s as with a queue",
    async (overflow) => {
      const hub = broadcast<number>({ capacity: { chunks: 8 } });
      const heard: number[] = [];
      const limits = { overflow, highWaterMark: 3 };
      const bare = hub.subscribe(limits);
      const told = hub.subscribe({ ...limits, onDrop: ({ chunk }) => heard.push(chunk) });
      const [one, two] = [bare.getReader(), told.getReader()];
      for (let chunk = 0; chunk < 40; chunk++) {
        hub.publish(chunk);
        if (chunk % 7 === 0) expect(await one.read()).toEqual(await two.read());
        expect(hub.statsOf(bare)).toEqual(hub.statsOf(told));
      }
      expect(heard.length).toBe(hub.statsOf(bare)?.dropped.chunks);
      await Promise.all([one.cancel(), two.cancel()]);
    },
  );

  test("keeps a keyframe subscriber decodable, with gaps in line", async () => {
    const hub = broadcast<string>({ capacity: { chunks: 4 } });
    const overflow = keyframes<string>({ isKey: (picture) => picture.startsWith("K") });
    const readable = hub.subscribe({ overflow, gaps: true });
    for (const picture of ["K1", "d2", "d3", "K4", "d5", "d6", "K7", "d8"]) hub.publish(picture);
    hub.close();
    const got = await readAll(readable.getReader());
    const pictures = got.filter((item) => typeof item === "string");
    expect(pictures[0]).toMatch(/^K/);
    const lost = got.reduce((sum, item) => sum + (item instanceof Gap ? item.dropped : 0), 0);
    expect(lost).toBe(8 - pictures.length);
    expect(got[0]).toBeInstanceOf(Gap);
  });
});

test("statsOf() knows those who are subscribed to it, and nobody else", async () => {
  const [hub, other] = [broadcast<number>(), broadcast<number>()];
  const readable = hub.subscribe();
  expect(hub.statsOf(readable)).toBeDefined();
  expect(other.statsOf(readable)).toBeUndefined();
  expect(hub.statsOf(new ReadableStream<number>())).toBeUndefined();
  await readable.cancel();
  expect(hub.statsOf(readable)).toBeUndefined();
});

describe("publish()", () => {
  test("touches nobody but those who wait", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const hub = broadcast<number>({ capacity: { chunks: 4 } });
    let asked = 0;
    const idle = Array.from({ length: 2_000 }, () => hub.subscribe());
    const watched = hub.subscribe({
      overflow: {
        name: "counts",
        start: (queue) => ({
          admit: (entry) => {
            asked++;
            return queue.fits(entry.size) ? "queue" : queue.refuse(entry, "newest");
          },
        }),
      },
    });
    const reader = hub.subscribe().getReader();
    const read = reader.read();
    await settle();
    hub.publish(1);
    expect(await read).toEqual({ done: false, value: 1 });
    expect(asked).toBe(0);
    expect(hub.stats()).toMatchObject({ subscribers: 2_002, maxLag: 1 });
    expect(asked).toBe(1);
    await Promise.all([...idle, watched].map((readable) => readable.cancel()));
    expect(hub.stats().subscribers).toBe(1);
    vi.useRealTimers();
  });

  test("shows a policy what it has to see in batches, not chunk by chunk", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const hub = broadcast<number>({ capacity: { chunks: 4 } });
    const seen: number[] = [];
    const readable = hub.subscribe({
      overflow: {
        name: "notes",
        start: () => ({
          admit: ({ chunk }) => {
            seen.push(chunk);
            return "queue";
          },
        }),
      },
    });
    // When the ring turns over, and not again until what was shown has left it.
    for (let chunk = 0; chunk < 6; chunk++) hub.publish(chunk);
    expect(seen).toEqual([0, 1, 2, 3]);
    // After a while, and not again before another.
    vi.advanceTimersByTime(300);
    hub.publish(6);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6]);
    hub.publish(7);
    expect(seen).toHaveLength(7);
    await readable.cancel();
    vi.useRealTimers();
  });

  test("wakes those who wait, whoever of the others leaves", async () => {
    const hub = broadcast<number>();
    const readers = Array.from({ length: 4 }, () => hub.subscribe().getReader());
    const reads = readers.map((reader) => reader.read());
    await settle();
    // The last one takes the place of the first, and leaves from there.
    for (const index of [0, 3]) await readers[index]?.cancel();
    hub.publish(1);
    const wanted = [undefined, 1, 1, undefined];
    expect((await Promise.all(reads)).map(({ value }) => value)).toEqual(wanted);
  });

  test("forgets those who waited and left", async () => {
    const hub = broadcast<number>();
    const stay = hub.subscribe().getReader();
    const staying = stay.read();
    for (let round = 0; round < 100; round++) {
      const reader = hub.subscribe().getReader();
      const read = reader.read();
      await isSettled(read);
      await reader.cancel();
      expect(await read).toEqual({ done: true, value: undefined });
    }
    hub.publish(1);
    expect(await staying).toEqual({ done: false, value: 1 });
  });

  test("may be called by a sink of its own", async () => {
    const hub = broadcast<number>();
    const got: number[] = [];
    const before = pumped();
    const piped = hub.subscribe().pipeTo(
      sink({
        write: (chunk) => {
          got.push(chunk);
          if (chunk < 5) hub.publish(chunk + 1);
          else hub.close();
        },
      }),
    );
    await settle();
    hub.publish(0);
    await piped;
    expect(got).toEqual([0, 1, 2, 3, 4, 5]);
    expect(pumped() - before).toBe(6);
  });

  test("goes on when a subscriber cancels, or errors, while it publishes", async () => {
    const hub = broadcast<number>();
    const got: number[] = [];
    const controller = new AbortController();
    const leaving = hub
      .subscribe({ signal: controller.signal })
      .pipeTo(sink({ write: () => controller.abort(new Error("left")) }));
    const failing = hub.subscribe().pipeTo(
      sink({
        write: () => {
          throw new Error("broken");
        },
      }),
    );
    const staying = hub.subscribe().pipeTo(sink({ write: (chunk) => void got.push(chunk) }));
    await settle();
    hub.publish(1);
    await expect(leaving).rejects.toThrow("left");
    await expect(failing).rejects.toThrow("broken");
    hub.publish(2);
    hub.close();
    await staying;
    expect(got).toEqual([1, 2]);
  });

  test("gives a sink nothing that was encoded when its subscription ended", async () => {
    const controller = new AbortController();
    const hub = broadcast<number>({
      encode: (chunk) => {
        controller.abort(new Error("left"));
        return chunk;
      },
    });
    const got: number[] = [];
    const piped = hub
      .subscribe({ signal: controller.signal })
      .pipeTo(sink({ write: (chunk) => void got.push(chunk) }), { preventAbort: true });
    await settle();
    hub.publish(1);
    await expect(piped).rejects.toThrow("left");
    expect(got).toEqual([]);
  });

  test("yields to the event loop when a subscriber never stops publishing", async () => {
    const hub = broadcast<number>();
    let count = 0;
    const controller = new AbortController();
    const piped = hub.subscribe().pipeTo(
      sink({
        write: () => {
          count++;
          hub.publish(count);
        },
      }),
      { signal: controller.signal },
    );
    await settle();
    hub.publish(0);
    await new Promise((resolve) => setTimeout(resolve, 1));
    const then = count;
    expect(then).toBeGreaterThan(0);
    controller.abort(new Error("enough"));
    await expect(piped).rejects.toThrow("enough");
    expect(hub.stats().subscribers).toBe(0);
  });

  test("yields to the event loop between many subscribers, and forgets none of them", async () => {
    const hub = broadcast<number>();
    const controllers = Array.from({ length: 60 }, () => new AbortController());
    const seen = controllers.map((): number[] => []);
    for (const [index, { signal }] of controllers.entries()) {
      const write = (chunk: number): void => {
        const untilMs = performance.now() + 1;
        while (performance.now() < untilMs);
        seen[index]?.push(chunk);
      };
      hub
        .subscribe({ signal })
        .pipeTo(sink({ write }))
        .catch(() => {});
    }
    await settle();
    const served = (): number => seen.filter(({ length }) => length > 0).length;
    hub.publish(1);
    // Microtasks are no turn.
    for (let round = 0; round < 20; round++) await Promise.resolve();
    expect(served()).toBeGreaterThan(0);
    expect(served()).toBeLessThan(50);
    // Who leaves before it is served gets nothing; what is published meanwhile comes behind.
    controllers.at(-1)?.abort();
    hub.publish(2);
    await vi.waitFor(() => expect(seen.flat()).toHaveLength(59 * 2), { timeout: 10_000 });
    expect(seen.at(-1)).toEqual([]);
    for (const chunks of seen.slice(0, -1)) expect(chunks).toEqual([1, 2]);
  });
});

describe("publish() in one go", () => {
  test.each([false, true])(
    "loses nothing for those who keep up, lossless: %s",
    async (lossless) => {
      const hub = broadcast<number>({ capacity: { chunks: 4 }, lossless });
      const seen: number[] = [];
      const piped = hub.subscribe().pipeTo(sink({ write: (chunk) => void seen.push(chunk) }));
      await settle();
      for (let chunk = 0; chunk < 6; chunk++) hub.publish(chunk);
      hub.close();
      await piped;
      expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
    },
  );

  test("goes on when one who is served ends another who waits", async () => {
    const hub = broadcast<number>();
    const readers = [1, 2, 3].map(() => hub.subscribe().getReader());
    const seen: number[] = [];
    const end = new AbortController();
    const piped = hub.subscribe().pipeTo(
      sink({
        write: (chunk) => {
          seen.push(chunk);
          for (const reader of readers) void reader.cancel();
        },
      }),
      { signal: end.signal },
    );
    for (const reader of readers) reader.read().catch(() => {});
    const late = hub.subscribe().getReader();
    const read = late.read();
    await settle();
    hub.publish(1);
    expect(await read).toEqual({ done: false, value: 1 });
    hub.publish(2);
    expect(hub.stats().subscribers).toBe(2);
    hub.close();
    await piped;
    expect(seen).toEqual([1, 2]);
  });

  test("wakes a subscriber once", async () => {
    const hub = broadcast<number>();
    const readable = hub.subscribe({ overflow: "latest" });
    const reader = readable.getReader();
    const read = reader.read();
    for (let chunk = 0; chunk < 10; chunk++) hub.publish(chunk);
    expect(await read).toEqual({ done: false, value: 9 });
    expect(hub.statsOf(readable)).toMatchObject({ delivered: 1, dropped: { chunks: 9 } });
  });
});
