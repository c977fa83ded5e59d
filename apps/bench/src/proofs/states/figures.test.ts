import { describe, expect, test } from "vitest";
import { figuresOf, type Journal, rateOf } from "./figures.ts";
import type { Sample, Showing, StateChange } from "./protocol.ts";

/** From the fifth second to the eighth. */
const span = { fromMs: 5000, untilMs: 8000 };

const every = (ms: number, untilMs: number): number[] =>
  Array.from({ length: untilMs / ms }, (_, index) => index * ms);

/** A picture of 1000 bytes every 100 ms, shown when it is so old. */
const filmAt = (ageMs: (atMs: number) => number): Showing[] =>
  every(100, 12_000).map((atMs, index) => ({
    atMs,
    madeAtMs: atMs - ageMs(atMs),
    bytes: 1000 * (index + 1),
  }));
const film: readonly Showing[] = filmAt(() => 0);
const isInSpan = ({ atMs }: { readonly atMs: number }): boolean =>
  atMs >= span.fromMs && atMs < span.untilMs;
const stopped = film.filter((showing) => !isInSpan(showing));

/** The kernel takes a picture when it is made, and so many of those that are not shown. */
function samplesWith(more: number, fullMs: (atMs: number) => number = () => 0): Sample[] {
  return every(20, 12_000).map((ms) => {
    const atMs = ms + 1;
    const takenUntilMs = Math.min(ms, span.fromMs - 1 + more * 100);
    return {
      atMs,
      takenBytes: 1000 * (Math.floor(takenUntilMs / 100) + 1),
      backpressureMs: fullMs(ms),
      windowBytes: isInSpan({ atMs }) ? 1 : 4000,
      acknowledgedBy: "ping",
    };
  });
}

function journalOf({ changes = [], samples = [], showings = [] }: Partial<Journal>): Journal {
  return { changes, samples, showings };
}

describe("figuresOf()", () => {
  const changes: readonly StateChange[] = [
    { atMs: 0, state: "healthy" },
    { atMs: 2000, state: "frozen" },
    { atMs: 2100, state: "healthy" },
    { atMs: 5400, state: "congested" },
    { atMs: 5700, state: "frozen" },
    { atMs: 8200, state: "congested" },
  ];

  test("tells when it was seen, and when it was over", () => {
    const figures = figuresOf(journalOf({ changes: [...changes] }), "frozen", span);
    expect(figures).toMatchObject({ seenMs: 700, overMs: 200 });
    expect(figuresOf(journalOf({ changes: [...changes] }), "congested", span).seenMs).toBe(400);
  });

  test("knows nothing of what was not seen in time", () => {
    const late: StateChange[] = [
      { atMs: 0, state: "healthy" },
      { atMs: 8100, state: "frozen" },
    ];
    const figures = figuresOf(journalOf({ changes: late }), "frozen", span);
    expect(figures).toMatchObject({ seenMs: undefined, overMs: undefined });
  });

  test("takes the next connection for what follows one that has died", () => {
    const reconnected: StateChange[] = [
      { atMs: 5700, state: "frozen" },
      { atMs: 8050, state: "dead" },
      { atMs: 8150, state: "healthy" },
    ];
    expect(figuresOf(journalOf({ changes: reconnected }), "frozen", span).overMs).toBe(150);
  });

  test("counts what was taken and not shown", () => {
    const of = (more: number, showings: readonly Showing[]): number =>
      figuresOf(journalOf({ samples: samplesWith(more), showings: [...showings] }), "frozen", span)
        .swallowedBytes;
    expect(of(0, stopped)).toBe(0);
    expect(of(7, stopped)).toBe(7000);
    // What it shows, it has not swallowed.
    expect(of(7, film)).toBeLessThanOrEqual(1000);
  });

  test("knows the window from before", () => {
    const samples = samplesWith(0);
    expect(figuresOf(journalOf({ samples }), "frozen", span).windowBytes).toBe(4000);
  });

  test("tells when there was no room any more, moments left out", () => {
    const of = (full: (atMs: number) => number): number | undefined =>
      figuresOf(journalOf({ samples: samplesWith(0, full) }), "congested", span).fullMs;
    expect(of(() => 0)).toBeUndefined();
    expect(of((atMs) => Math.max(0, atMs - 6000))).toBeGreaterThanOrEqual(981);
    expect(of((atMs) => Math.max(0, atMs - 6000))).toBeLessThanOrEqual(1001);
    // 20 of every 100 ms.
    expect(of((atMs) => 20 * Math.floor(atMs / 100))).toBeUndefined();
  });

  test("looks at what is shown from a second after the end on", () => {
    const of = (showings: readonly Showing[]): number =>
      figuresOf(journalOf({ showings: [...showings] }), "frozen", span).shownMs;
    expect(of(stopped)).toBe(100);
    // What is old in the first second is forgiven.
    const old = (fromMs: number, untilMs: number): Showing[] =>
      filmAt((atMs) => (atMs >= fromMs && atMs < untilMs ? 3000 : 0));
    expect(of(old(8000, 8900))).toBe(100);
    expect(of(old(8000, 9300))).toBe(3100);
  });

  test("finds a picture old that none follows", () => {
    const shown = (untilMs: number): Showing[] => film.filter(({ atMs }) => atMs < untilMs);
    const of = (showings: Showing[]): number =>
      figuresOf(journalOf({ showings }), "frozen", span).shownMs;
    expect(of(shown(5000))).toBe(5100);
    expect(of(shown(9600))).toBe(500);
    expect(of([])).toBe(Infinity);
  });
});

describe("rateOf()", () => {
  test("is that of the time in which something was told", () => {
    expect(rateOf(film, { fromMs: 2050, untilMs: 4050 })).toBe(10_000);
    expect(rateOf(film, { fromMs: 11_000, untilMs: 99_000 })).toBe(10_000);
    const pause = film.filter(({ atMs }) => atMs < 2000 || atMs >= 3000);
    expect(rateOf(pause, { fromMs: 2000, untilMs: 4000 })).toBe(10_000);
  });

  test("is nothing without two looks", () => {
    expect(rateOf([], { fromMs: 0, untilMs: 1000 })).toBe(0);
    expect(rateOf(film, { fromMs: 99_000, untilMs: 99_500 })).toBe(0);
  });
});
