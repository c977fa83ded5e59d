import { bounded, broadcast, expire, keyframes, map, type Overflow } from "@spillway/streams";
import {
  EMPTY,
  ReadableEnd,
  runsOf,
  type Sink,
  type Source,
  usePump,
  WritableEnd,
} from "@spillway/streams/ends";
import { settle } from "@spillway/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

usePump();

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Takes what there is while it is open; what it takes needs `transitMs` until it arrives. */
class Line implements Sink<number> {
  transitMs = 0;
  isOpen = false;
  readonly took: number[] = [];
  readonly end = new WritableEnd<number>(this);

  put(chunk: number): boolean {
    if (this.isOpen) this.took.push(chunk);
    return this.isOpen;
  }

  open(): void {
    this.isOpen = true;
    this.end.wake();
  }

  close(): void {}
  abort(): void {}
}

/** As {@link Line}, for a hub that gives several at once. */
class RunLine extends Line {
  runsFrom(source: Source<number>): (() => number) | undefined {
    return runsOf(source, (chunks) => {
      if (!this.isOpen) return 0;
      this.took.push(...chunks);
      return chunks.length;
    });
  }
}

const policies: readonly [string, Exclude<Overflow<number>, "wait">][] = [
  ["latest", "latest"],
  ["drop-oldest", "drop-oldest"],
  ["keyframes()", keyframes<number>({ isKey: () => true })],
];

describe("maxAgeMs of a subscriber", () => {
  for (const [name, overflow] of policies) {
    for (const kind of [Line, RunLine]) {
      test(`counts the way to where a ${kind.name} ends, with ${name}`, async () => {
        const hub = broadcast<number>();
        const line = new kind();
        line.transitMs = 60;
        const piped = hub.subscribe({ overflow, maxAgeMs: 100 }).pipeTo(line.end.stream);
        // The pipe asks for one before its sink says that it takes none.
        for (const chunk of [0, 1, 2]) {
          hub.publish(chunk);
          await vi.advanceTimersByTimeAsync(0);
        }
        await vi.advanceTimersByTimeAsync(50);
        hub.publish(3);
        hub.publish(4);
        line.open();
        await vi.advanceTimersByTimeAsync(0);
        const expected = name === "latest" ? [0, 4] : [0, 3, 4];
        expect(line.took).toEqual(expected);
        hub.close();
        await piped;
      });
    }
  }

  test("does not drop what waits because of a way that is long for the moment", async () => {
    const hub = broadcast<number>();
    const line = new Line();
    const readable = hub.subscribe({ overflow: keyframes({ isKey: () => true }), maxAgeMs: 500 });
    const piped = readable.pipeTo(line.end.stream);
    hub.publish(0);
    await vi.advanceTimersByTimeAsync(0);
    line.transitMs = 10_000;
    hub.publish(1);
    await vi.advanceTimersByTimeAsync(300);
    hub.publish(2);
    hub.stats();
    line.transitMs = 10;
    line.open();
    await vi.advanceTimersByTimeAsync(0);
    expect(line.took).toEqual([0, 1, 2]);
    hub.close();
    await piped;
  });
});

describe("maxAgeMs of a stage", () => {
  const late = (): { line: Line; source: Queued } => {
    const line = new Line();
    line.transitMs = 60;
    return { line, source: new Queued() };
  };

  test("bounded() counts the way", async () => {
    const { line } = late();
    const stage = bounded<number>({ maxAgeMs: 100, overflow: "drop-oldest" });
    const piped = stage.readable.pipeTo(line.end.stream);
    const writer = stage.writable.getWriter();
    for (const chunk of [0, 1]) void writer.write(chunk);
    await vi.advanceTimersByTimeAsync(50);
    void writer.write(2);
    line.open();
    await vi.advanceTimersByTimeAsync(0);
    expect(line.took).toEqual([0, 2]);
    expect(stage.stats().dropped.reasons).toEqual({ expired: { chunks: 1, size: 1 } });
    await writer.close();
    await piped;
  });

  test("expire() counts the way, through stages behind it", async () => {
    const { line, source } = late();
    const fresh = expire<number>({ maxAgeMs: 100, timeOf: (chunk) => chunk, now: () => 1_000 });
    line.open();
    const piped = source.end.stream
      .pipeThrough(fresh)
      .pipeThrough(map((chunk: number) => chunk))
      .pipeTo(line.end.stream);
    for (const chunk of [900, 959, 960, 1_000]) source.give(chunk);
    await vi.advanceTimersByTimeAsync(0);
    expect(line.took).toEqual([960, 1_000]);
    source.end.close();
    await piped;
  });

  test("expire() counts it for chunks without a time that are wanted at once, too", async () => {
    const { line, source } = late();
    const fresh = expire<number>({ maxAgeMs: 50 });
    line.open();
    const piped = source.end.stream.pipeThrough(fresh).pipeTo(line.end.stream);
    await vi.advanceTimersByTimeAsync(0);
    source.give(0);
    await settle();
    line.transitMs = 40;
    source.give(1);
    await settle();
    expect(line.took).toEqual([1]);
    expect(fresh.stats().dropped.reasons).toEqual({ expired: { chunks: 1, size: 1 } });
    source.end.close();
    await piped;
  });
});

/** Gives what it is told to. */
class Queued implements Source<number> {
  readonly end = new ReadableEnd<number>(this);
  readonly #chunks: number[] = [];

  give(chunk: number): void {
    this.#chunks.push(chunk);
    this.end.wake();
  }

  take(): number | typeof EMPTY {
    return this.#chunks.shift() ?? EMPTY;
  }

  cancel(): void {}
}

describe("a sink that tells when it is full", () => {
  /** Takes one chunk whenever it is woken, and would take more. */
  class Narrow extends Line {
    isFull = false;

    override put(chunk: number): boolean {
      this.took.push(chunk);
      this.isFull = true;
      return true;
    }

    override open(): void {
      this.isFull = false;
      this.end.wake();
    }
  }

  test("is asked for nothing until it is woken: the newest waits in front of the pipe", async () => {
    const hub = broadcast<number>();
    const line = new Narrow();
    const piped = hub.subscribe({ overflow: "latest" }).pipeTo(line.end.stream);
    for (const chunk of [0, 1, 2]) {
      hub.publish(chunk);
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(line.took).toEqual([0]);
    line.open();
    await settle();
    expect(line.took).toEqual([0, 2]);
    hub.publish(3);
    hub.close();
    line.open();
    await piped;
    expect(line.took).toEqual([0, 2, 3]);
  });

  test("is asked for nothing either where others have filled it meanwhile", async () => {
    const hub = broadcast<number>();
    const line = new Narrow();
    const piped = hub.subscribe({ overflow: "latest" }).pipeTo(line.end.stream);
    await vi.advanceTimersByTimeAsync(1);
    line.isFull = true;
    for (const chunk of [0, 1]) {
      hub.publish(chunk);
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(line.took).toEqual([]);
    line.open();
    expect(line.took).toEqual([1]);
    hub.close();
    await piped;
  });

  test("does not hold up the end of what is piped to it", async () => {
    const line = new Narrow();
    line.isFull = true;
    const source = new Queued();
    const piped = source.end.stream.pipeTo(line.end.stream);
    await vi.advanceTimersByTimeAsync(1);
    source.end.close();
    await piped;
    expect(line.took).toEqual([]);
  });

  test("refuses what a stage pushes, which waits there", async () => {
    const line = new Narrow();
    const source = new Queued();
    const piped = source.end.stream
      .pipeThrough(map((chunk: number) => chunk))
      .pipeTo(line.end.stream);
    for (const chunk of [0, 1, 2]) source.give(chunk);
    await vi.advanceTimersByTimeAsync(1);
    expect(line.took).toEqual([0]);
    for (let opened = 0; opened < 2; opened++) {
      line.open();
      // A pipe lets the event loop turn when this process is busy.
      await settle();
    }
    expect(line.took).toEqual([0, 1, 2]);
    source.end.close();
    await piped;
  });
});
