import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LaneCredit } from "./lane-credit.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance", "queueMicrotask", "setImmediate"] });
});

afterEach(() => {
  // The turn is over.
  vi.runAllTicks();
  vi.useRealTimers();
});

/** A lane, and the questions that its peer has yet to answer. */
function laneOf(window: "auto" | number | false): { lane: LaneCredit; asked: number[] } {
  const asked: number[] = [];
  const lane: LaneCredit = new LaneCredit(0, "", window, {
    isSuspended: false,
    isWithin: () => false,
    select: () => {},
    ask: () => void asked.push(lane.sentMessages),
    gap: () => {},
    end: () => {},
  });
  return { lane, asked };
}

const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ bytes: fc.integer({ min: 0, max: 60_000 }) }) },
  { weight: 2, arbitrary: fc.record({ answers: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 2, arbitrary: fc.record({ passesMs: fc.integer({ min: 0, max: 3_000 }) }) },
);

describe("LaneCredit", () => {
  test.each(["auto", 65_536, false] as const)(
    "has asked whenever it has no room (%s)",
    (window) => {
      fc.assert(
        fc.property(
          fc.array(action, { maxLength: 300, size: "max" }),
          fc.boolean(),
          (steps, isWide) => {
            const { lane, asked } = laneOf(window);
            const credit = isWide
              ? { bytes: 1 << 20, messages: 1_024 }
              : { bytes: 65_536, messages: 64 };
            lane.grant(credit);
            for (const step of steps) {
              if ("passesMs" in step) vi.advanceTimersByTime(step.passesMs);
              else if ("bytes" in step) {
                if (lane.room <= 0) continue;
                lane.begin();
                lane.sent(step.bytes);
                expect(lane.inFlightBytes).toBeLessThan(credit.bytes + step.bytes + 1);
                expect(lane.inFlightMessages).toBeLessThanOrEqual(credit.messages);
              } else {
                // A peer may answer several by answering the last of them.
                const last = asked.splice(0, step.answers).at(-1);
                if (last !== undefined) lane.answer(last, performance.now());
              }
              if (lane.room <= 0) expect(asked).not.toEqual([]);
            }
            while (asked.length > 0)
              lane.answer(asked.splice(0).at(-1) as number, performance.now());
            expect(lane.room).toBeGreaterThan(0);
          },
        ),
        { numRuns: 300 },
      );
    },
  );

  /** Messages that whoever becomes slow may have to read before it is asked whether it has. */
  const UNASKED = 16;

  test.each([10, 1_000, 3_000])(
    "hears soon, and then in time, from one who has kept up and now reads one each %i ms",
    (everyMs) => {
      for (const slowFromMs of [0, 1, 30, 950, 1_000, 1_320, 5_000]) {
        const { lane, asked } = laneOf("auto");
        lane.grant({ bytes: 1 << 20, messages: 1_024 });
        let read = 0;
        let missedMs = 0;
        for (let ms = 0; ms < slowFromMs + 100 * everyMs; ms++) {
          if (lane.room > 0) {
            lane.begin();
            lane.sent(200);
          }
          vi.advanceTimersByTime(1);
          if (ms < slowFromMs) read = lane.sentMessages;
          else if ((ms - slowFromMs) % everyMs === 0) read = Math.min(read + 1, lane.sentMessages);
          const last = asked.findLast((messages) => messages <= read);
          if (last !== undefined) {
            asked.splice(0, asked.indexOf(last) + 1);
            lane.answer(last, performance.now());
          }
          if (lane.overdueMs(performance.now()) > 0) missedMs++;
        }
        expect(missedMs).toBeLessThanOrEqual(slowFromMs < 30 ? everyMs : UNASKED * everyMs);
        expect(lane.inFlightMessages).toBeGreaterThan(100);
      }
    },
  );
});
