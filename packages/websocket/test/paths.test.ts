import * as fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type Answer, VirtualRun } from "./virtual-path.ts";

const CAP = 8_388_608;
const FLOOR = 4_096;
/** From here on ten round trips are enough; shorter ones take half a second more, as a rate is one of some time. */
const LONG_RTT_MS = 50;
/** Milliseconds a thousand paths may take on a busy machine; they take ten thousand. */
const LIMIT_MS = 120_000;

afterEach(() => {
  vi.restoreAllMocks();
});

const STEPS = 1_000_000;

/** Evenly on a scale of powers. */
function between(low: number, high: number): fc.Arbitrary<number> {
  // Doubles would be close to zero most of the time.
  return fc.nat(STEPS).map((step) => low * (high / low) ** (step / STEPS));
}

/** Bytes a millisecond that arrived from one time to another. */
function rateOf(answers: readonly Answer[], fromMs: number, untilMs: number): number {
  const seen = answers.filter(({ atMs }) => atMs >= fromMs && atMs <= untilMs);
  const [first, last] = [seen[0], seen.at(-1)];
  if (!first || !last || first === last) return 0;
  return (last.arrived - first.arrived) / (last.atMs - first.atMs);
}

/** 10 kB/s to 100 MB/s, 0.1 to 300 ms: what a window of at most 8 MiB can fill. */
const paths = fc
  .record({ rate: between(10, 100_000), rttMs: between(0.1, 300) })
  .filter(({ rate, rttMs }) => rate * (2 * rttMs + 4) < CAP);

describe("an automatic window", () => {
  test(
    "fills any path within ten round trips, keeps no more than two of them waiting, and spends at most 1 % on pings",
    { timeout: LIMIT_MS },
    () => {
      const property = fc.property(paths, between(1_000, 65_536), (path, size) => {
        const messageBytes = Math.round(size);
        const run = new VirtualRun(path, messageBytes);
        // A round trip lasts as long as what is on the way takes to leave.
        const longestMs = path.rttMs + (16_384 + 65_536) / path.rate;
        run.run(10 * longestMs + (path.rttMs < LONG_RTT_MS ? 500 : 0));
        const { nowMs: startedMs, pingBytes, sentBytes } = run;
        run.run(12 * longestMs + 100);
        expect(run.sentBytes).toBeGreaterThan(sentBytes);
        expect(run.pingBytes - pingBytes).toBeLessThanOrEqual(0.01 * (run.sentBytes - sentBytes));
        const steady = run.answers.filter(({ atMs }) => atMs >= startedMs);
        expect(rateOf(steady, startedMs, run.nowMs)).toBeGreaterThan(0.9 * path.rate);
        // What fills an empty path waits for all that is sent with it, and then for its round trip.
        const asideMs = 4 + (3 * messageBytes + FLOOR) / path.rate;
        for (const { rttMs } of steady)
          expect(rttMs).toBeLessThan(1.1 * (3 * path.rttMs + asideMs));
        for (const { windowBytes } of run.answers) {
          expect(windowBytes).toBeGreaterThanOrEqual(FLOOR);
          expect(windowBytes).toBeLessThanOrEqual(CAP);
        }
        run.end();
      });
      fc.assert(property, { numRuns: 1_000, includeErrorInReport: true });
    },
  );

  test.each([
    ["short", 1],
    ["long", 40],
    ["very long", 300],
  ])("keeps its size when a %s path stops and goes on", (_, rttMs) => {
    const path = { rate: 6_000, rttMs };
    const run = new VirtualRun(path, 1_400);
    run.run(5_000);
    const { windowBytes } = run.flow;
    const stoppedMs = run.nowMs;
    run.stop(3_000);
    run.run(3_000 + 3 * rttMs + 500);
    const after = run.answers.filter(({ atMs }) => atMs > stoppedMs + 3_000);
    expect(after.length).toBeGreaterThan(3);
    for (const answer of after) expect(answer.windowBytes).toBeGreaterThan(0.9 * windowBytes);
    const { nowMs } = run;
    expect(rateOf(run.answers, nowMs - 500, nowMs)).toBeGreaterThan(0.9 * path.rate);
    run.end();
  });

  test("keeps room for a film when a path stops and goes on", () => {
    const path = { rate: 6_000, rttMs: 40 };
    const run = new VirtualRun(path, 16_667, 1_000 / 30);
    run.run(15_000);
    run.stop(3_000);
    run.run(4_000);
    const goesOnMs = run.nowMs - 1_000;
    const after = run.answers.filter(({ atMs }) => atMs > goesOnMs);
    expect(after.length).toBeGreaterThan(10);
    // Two pictures are on their way there, or back.
    for (const { windowBytes } of after) expect(windowBytes).toBeGreaterThan(2 * 16_667);
    run.end();
  });

  test.each([
    ["longer", { rttMs: 80 }],
    ["shorter", { rttMs: 1 }],
    ["slower", { rate: 300 }],
    ["faster", { rate: 60_000 }],
  ])("finds its size anew when the path becomes %s", (_, change) => {
    const path = { rate: 6_000, rttMs: 10 };
    const run = new VirtualRun(path, 1_400);
    run.run(3_000);
    expect(rateOf(run.answers, 2_000, 3_000)).toBeGreaterThan(0.9 * path.rate);
    Object.assign(path, change);
    run.run(15_000);
    const { nowMs } = run;
    expect(rateOf(run.answers, nowMs - 1_000, nowMs)).toBeGreaterThan(0.9 * path.rate);
    const late = run.answers.filter(({ atMs }) => atMs > nowMs - 1_000);
    const longest = Math.max(...late.map(({ rttMs }) => rttMs));
    expect(longest).toBeLessThan(1.1 * (3 * path.rttMs + 4 + (FLOOR + 2_800) / path.rate));
    run.end();
  });
});
