import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LaneCredit } from "./lane-credit.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance", "queueMicrotask", "setImmediate"] });
});

afterEach(() => {
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
});
