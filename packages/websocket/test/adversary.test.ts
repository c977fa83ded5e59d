import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FlowWindow } from "../src/flow-window.ts";

const CAP = 8_388_608;
const LEAST = 4_096;
const MAX_PINGS = 32;
const LONG = { timeout: 60_000 };
/** Milliseconds without an answer after which a peer is given more, whatever else. */
const PROBE_EVERY_MS = 10_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A window between a sender that minds it and a peer that says what it likes. */
class Run {
  readonly flow: FlowWindow;
  readonly #asked: Uint8Array[] = [];
  /** Of those, what a right answer could still be for. */
  #open: Uint8Array[] = [];
  #sent = 0;
  #flushed = 0;

  constructor(window: number | "auto") {
    this.flow = new FlowWindow(window, {
      ping: (payload) => {
        this.#asked.push(payload);
        this.#open.push(payload);
      },
      opened: () => {},
    });
  }

  /** Sends a message as a connection does: while there is room, also one that is larger than that. */
  send(bytes: number): void {
    if (this.flow.room <= 0) return;
    if (this.#sent === this.#flushed) this.flow.beginning(performance.now());
    this.#sent += bytes;
    this.flow.sent(bytes);
    if (this.flow.room <= 0) this.flow.filled();
  }

  /** As much as there is room for, all of which is taken; the peer answers after a while. */
  round(ms: number): void {
    for (let count = 0; count < 200 && this.flow.room > 0; count++) this.send(65_536);
    this.flow.leaving();
    this.flush(1);
    vi.advanceTimersByTime(ms);
    this.answerAll();
  }

  flush(share: number): void {
    const bytes = Math.ceil((this.#sent - this.#flushed) * share);
    this.#flushed += bytes;
    this.flow.flushed(bytes);
  }

  pong(payload: Uint8Array): void {
    const index = this.#open.findIndex((open) => isAnswer(open, payload));
    if (index >= 0) this.#open = this.#open.slice(index + 1);
    this.flow.pong(payload);
  }

  /** Answers a ping, counted from the last; before the first there is none. */
  answer(back: number, change: (payload: Buffer) => Uint8Array = (payload) => payload): void {
    const payload = this.#asked.at(-1 - (back % this.#asked.length));
    if (payload) this.pong(change(Buffer.from(payload)));
  }

  /** The peer answers all that it was asked, and what it is asked thereupon. */
  answerAll(): void {
    for (const payload of this.#open.slice()) this.pong(payload);
  }

  /** The first bound that is broken. */
  broken(window: number | "auto"): string | undefined {
    const { fragmentBytes, inFlight, moved, room, windowBytes } = this.flow;
    const bounds: readonly [string, number, number, number][] = [
      ["inFlight", 0, inFlight, this.#sent],
      ["moved", 0, moved, this.#flushed],
      ["room", -Infinity, room, CAP],
      ["windowBytes", LEAST, windowBytes, CAP],
      ["windowBytes, fixed", window === "auto" ? LEAST : window, windowBytes, CAP],
      ["fragmentBytes", LEAST / 4, fragmentBytes, 65_536],
      ["pings", 0, this.#open.length, MAX_PINGS],
    ];
    const found = bounds.find(([, low, value, high]) => !(low <= value && value <= high));
    return found && `${found[0]}: ${found.slice(1).join(" <= ")}`;
  }
}

/** The same number, though a zero may have a sign. */
function isAnswer(ping: Uint8Array, pong: Uint8Array): boolean {
  const [asked, answered] = [Buffer.from(ping), Buffer.from(pong)];
  if (answered.byteLength !== 12 || asked.readUInt32BE(0) !== answered.readUInt32BE(0))
    return false;
  return asked.readDoubleBE(4) === answered.readDoubleBE(4);
}

type Step = (run: Run) => void;

const withOffset =
  (value: number) =>
  (payload: Buffer): Buffer => {
    payload.writeDoubleBE(value, 4);
    return payload;
  };

const nearby =
  (by: number) =>
  (payload: Buffer): Buffer => {
    payload.writeDoubleBE(payload.readDoubleBE(4) + by, 4);
    return payload;
  };

const back = fc.nat({ max: 40 });
const anyOffset = fc.oneof(
  fc.double(),
  fc.constantFrom(NaN, Infinity, -Infinity, -1, -0, 2 ** 53, 1e300),
);

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.integer({ min: 1, max: 70_000 }).map((bytes) => (run: Run) => run.send(bytes)),
  },
  { weight: 4, arbitrary: fc.constant((run: Run) => run.flow.leaving()) },
  {
    weight: 4,
    arbitrary: fc.double({ min: 0, max: 1, noNaN: true }).map((share) => (run: Run) => {
      run.flush(share);
    }),
  },
  { weight: 6, arbitrary: back.map((count) => (run: Run) => run.answer(count)) },
  { weight: 2, arbitrary: fc.constant((run: Run) => run.answerAll()) },
  {
    weight: 6,
    arbitrary: fc.integer({ min: 0, max: 3_000 }).map((ms) => (run: Run) => run.round(ms)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(back, anyOffset).map(([count, offset]) => (run: Run) => {
      run.answer(count, withOffset(offset));
    }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(back, fc.integer({ min: -100_000, max: 100_000 })).map(
      ([count, by]) =>
        (run: Run) =>
          run.answer(count, nearby(by)),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 125 }).map((payload) => (run: Run) => run.pong(payload)),
  },
  { weight: 1, arbitrary: fc.constant((run: Run) => run.flow.ping()) },
  { weight: 1, arbitrary: fc.constant((run: Run) => run.flow.filled()) },
  { weight: 1, arbitrary: fc.constant((run: Run) => run.flow.suspend()) },
  { weight: 2, arbitrary: fc.constant((run: Run) => run.flow.resume()) },
  {
    weight: 6,
    arbitrary: fc
      .oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 20_000 }))
      .map((ms) => () => void vi.advanceTimersByTime(ms)),
  },
);

const windows = fc.oneof(
  { weight: 3, arbitrary: fc.constant("auto" as const) },
  { weight: 1, arbitrary: fc.integer({ min: LEAST, max: CAP }) },
);

/** Runs any steps on any window, and then what ends them. */
function always(last: (run: Run, window: number | "auto") => void): void {
  const script = fc.array(steps, { maxLength: 120, size: "max" });
  const property = fc.property(windows, script, (window, taken) => {
    const run = new Run(window);
    let broken: string | undefined;
    for (const step of taken) {
      step(run);
      broken ??= run.broken(window);
    }
    expect(broken).toBeUndefined();
    last(run, window);
    run.flow.dispose();
  });
  fc.assert(property, { numRuns: 1_000, includeErrorInReport: true });
}

describe("FlowWindow with a peer that answers as it likes", () => {
  test("keeps its bounds, and has room once the peer has answered everything", LONG, () => {
    always((run) => {
      run.flow.resume();
      // A look at the empty path takes two answers more, and may be due at once.
      for (let round = 0; round < 5 && run.flow.room <= 0; round++) {
        run.flush(1);
        vi.advanceTimersByTime(10);
        run.answerAll();
      }
      expect(run.flow.room).toBeGreaterThan(0);
    });
  });

  test(
    "has room time and again though no answer comes any more, if the bytes are taken",
    LONG,
    () => {
      always((run, window) => {
        for (let round = 0; round < 40; round++) {
          run.flush(1);
          if (run.flow.room <= 0) run.flow.filled();
          vi.advanceTimersByTime(PROBE_EVERY_MS);
          expect(run.flow.room).toBeGreaterThan(0);
          expect(run.broken(window)).toBeUndefined();
          run.send(run.flow.room);
        }
        expect(run.flow.acknowledgedBy).toBe("kernel");
      });
    },
  );
});
