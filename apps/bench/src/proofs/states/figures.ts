import type { ConnectionState } from "@spillway/websocket";
import type { Sample, Showing, Span, StateChange } from "./protocol.ts";

/** All that was told of a connection and of its viewer, in order. */
export interface Journal {
  readonly changes: StateChange[];
  readonly samples: Sample[];
  readonly showings: Showing[];
}

/** What a trouble was seen as, and what it cost. */
export interface Figures {
  /** Until it had the state; `undefined`: it never had. */
  readonly seenMs: number | undefined;
  /** Until there was no room any more: before, nothing shows here. `undefined`: there always was. */
  readonly fullMs: number | undefined;
  /** The most that the kernel took meanwhile and the viewer did not show. */
  readonly swallowedBytes: number;
  /** When it began. */
  readonly windowBytes: number;
  /** From its end until the state was another; `undefined`: it never was. */
  readonly overMs: number | undefined;
  /** The greatest age of what was shown in the second that follows that after its end. */
  readonly shownMs: number;
}

/** From the end of a trouble on: until what is shown has to be young, and how long that is looked at. */
const GRACE_MS = 1000;
const LOOK_MS = 1000;
/** What counts as no room: a moment without any is none. */
const FULL_FOR_MS = 100;
const FULL_SHARE = 0.9;
/** What has to be told before there are figures. */
export const AFTERMATH_MS: number = GRACE_MS + LOOK_MS;

/** @param wanted - what the viewer should be seen as */
export function figuresOf(
  { changes, samples, showings }: Journal,
  wanted: ConnectionState,
  { fromMs, untilMs }: Span,
): Figures {
  const seen = changes.find(
    ({ atMs, state }) => atMs >= fromMs && atMs < untilMs && state === wanted,
  );
  // When the connection itself is over, it is the next one that tells.
  const over = changes.find(
    ({ atMs, state }) => atMs >= untilMs && state !== wanted && state !== "dead",
  );
  return {
    seenMs: seen && seen.atMs - fromMs,
    fullMs: fullMs(samples, { fromMs, untilMs }),
    swallowedBytes: swallowedBytes(samples, showings, { fromMs, untilMs }),
    windowBytes: lastBefore(samples, fromMs)?.windowBytes ?? 0,
    overMs: over && over.atMs - untilMs,
    shownMs: greatestAge(showings, {
      fromMs: untilMs + GRACE_MS,
      untilMs: untilMs + AFTERMATH_MS,
    }),
  };
}

function fullMs(samples: readonly Sample[], { fromMs, untilMs }: Span): number | undefined {
  const meanwhile = samples.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs);
  const full = meanwhile.find((sample, at) => {
    const later = meanwhile.slice(at).find(({ atMs }) => atMs >= sample.atMs + FULL_FOR_MS);
    if (!later) return false;
    const share = (later.backpressureMs - sample.backpressureMs) / (later.atMs - sample.atMs);
    return share >= FULL_SHARE;
  });
  return full && full.atMs - fromMs;
}

function swallowedBytes(
  samples: readonly Sample[],
  showings: readonly Showing[],
  { fromMs, untilMs }: Span,
): number {
  const takenBytes = lastBefore(samples, fromMs)?.takenBytes ?? 0;
  const shownBytes = lastBefore(showings, fromMs)?.bytes ?? 0;
  const missing = samples
    .filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
    .map((sample) => {
      const shown = lastBefore(showings, sample.atMs)?.bytes ?? 0;
      return sample.takenBytes - takenBytes - (shown - shownBytes);
    });
  return Math.max(0, ...missing);
}

/** A picture grows old until the next is shown. */
function greatestAge(showings: readonly Showing[], { fromMs, untilMs }: Span): number {
  const last = lastBefore(showings, fromMs);
  const shown = showings.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs);
  const all = last ? [last, ...shown] : shown;
  if (all.length === 0) return Infinity;
  const ages = all.map(({ madeAtMs }, at) => (all[at + 1]?.atMs ?? untilMs) - madeAtMs);
  return Math.max(...ages);
}

/** Bytes a second that a viewer has got, from the first to the last that it told. */
export function rateOf(showings: readonly Showing[], { fromMs, untilMs }: Span): number {
  const first = showings.find(({ atMs }) => atMs >= fromMs);
  const last = lastBefore(showings, untilMs);
  if (!first || !last || last.atMs <= first.atMs) return 0;
  return ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1000;
}

function lastBefore<T extends { readonly atMs: number }>(
  all: readonly T[],
  atMs: number,
): T | undefined {
  return all.findLast((each) => each.atMs < atMs);
}
