import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { bounded, fromIterable, map, sink } from "../../src/index.ts";
import { failure, pipe, reasonOf } from "./rig.ts";

/** Ends an endless pipe even when its test runs out of time. */
function controller(): AbortController {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  return abort;
}

/** Numbers without end, made on the spot. */
function endless(onNext: () => void = () => {}): ReadableStream<number> {
  let number = 0;
  const next = (): IteratorResult<number> => {
    onNext();
    return { done: false, value: number++ };
  };
  return fromIterable<number>({ [Symbol.iterator]: () => ({ next }) });
}

const shapes = {
  "straight into a sink": (source: ReadableStream<number>) => source,
  "through three stages": (source: ReadableStream<number>) => {
    for (let stage = 0; stage < 3; stage++) {
      source = source.pipeThrough(map((chunk: number) => chunk));
    }
    return source;
  },
  "through a bounded queue": (source: ReadableStream<number>) =>
    source.pipeThrough(bounded<number>({ overflow: "drop-oldest" })),
  // Promises join its runs, and none of them is long.
  "through an async stage among others": (source: ReadableStream<number>) =>
    source
      .pipeThrough(map((chunk: number) => chunk))
      .pipeThrough(map((chunk: number) => (chunk % 1_000 === 0 ? later(chunk) : chunk)))
      .pipeThrough(map((chunk: number) => chunk)),
  "through a stage that is always async": (source: ReadableStream<number>) =>
    source.pipeThrough(map((chunk: number) => later(chunk))),
};

async function later<T>(value: T): Promise<T> {
  await Promise.resolve();
  return value;
}

describe.each(Object.entries(shapes))("an endless source %s", (_, shape) => {
  test("lets the event loop turn", async () => {
    const abort = controller();
    const reason = failure("enough");
    let chunks = 0;
    const drain = sink<number>({ write: () => void chunks++ });
    const piped = pipe(shape(endless()), drain, { signal: abort.signal });
    // Ten turns one after the other; with a pipe that holds the loop this test never ends.
    const counts: number[] = [];
    for (let count = 0; count < 10; count++) {
      await new Promise((resolve) => {
        setTimeout(resolve, 0);
      });
      counts.push(chunks);
    }
    abort.abort(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(counts.at(-1)).toBeGreaterThan(counts[0] as number);
  });
});

describe("a run", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Chunks that move between two turns when each one takes so many milliseconds. */
  async function run(ms: number): Promise<number[]> {
    const abort = controller();
    const runs: number[] = [];
    let chunks = 0;
    const busy = (): void => {
      chunks++;
      const until = performance.now() + ms;
      while (performance.now() < until);
    };
    const piped = pipe(endless(busy), sink(), { signal: abort.signal });
    for (let count = 0; count < 6; count++) {
      const before = chunks;
      await new Promise((resolve) => {
        setTimeout(resolve, 0);
      });
      runs.push(chunks - before);
    }
    abort.abort();
    await piped.catch(() => {});
    return runs;
  }

  test("is short in chunks where each takes long", { timeout: 30_000 }, async () => {
    const runs = await run(5);
    expect(runs.some((chunks) => chunks > 0)).toBe(true);
    expect(Math.max(...runs)).toBeLessThanOrEqual(40);
  });

  test("ends under fake timers, too, and goes on", async () => {
    vi.useFakeTimers();
    const abort = controller();
    let chunks = 0;
    const reason = failure("enough");
    const drain = sink<number>({
      write: () => {
        // Bounded by its own count, lest a pump that asks a clock that stands still hang here.
        if (++chunks === 20_000_000) abort.abort(failure("the run never ended"));
      },
    });
    const piped = pipe(endless(), drain, { signal: abort.signal });
    // The turn in which it starts may be spent already.
    await turn().promise;
    await turn().promise;
    const before = chunks;
    await turn().promise;
    abort.abort(reason);
    expect(await reasonOf(piped)).toBe(reason);
    expect(before).toBeGreaterThan(0);
    expect(chunks).toBeGreaterThan(before);
  });
});

test("a run that yields while a write is under way does not begin the next one", async () => {
  const slow = fromIterable(
    (function* () {
      for (let chunk = 0; chunk < 40; chunk++) {
        const until = performance.now() + 1;
        while (performance.now() < until);
        yield chunk;
      }
    })(),
  );
  let inFlight = 0;
  let most = 0;
  const write = async (): Promise<void> => {
    most = Math.max(most, ++inFlight);
    for (let count = 0; count < 4; count++) await turn().promise;
    inFlight--;
  };
  await slow.pipeTo(sink<number>({ write }, { highWaterMark: 64 }));
  expect(most).toBe(1);
});

/** A turn of the event loop that no fake timer holds. */
function turn(): { readonly promise: Promise<void> } {
  const { port1, port2 } = new MessageChannel();
  const promise = new Promise<void>((resolve) => {
    port1.addEventListener("message", () => {
      port1.close();
      resolve();
    });
    port1.start();
  });
  port2.postMessage(undefined);
  return { promise };
}
