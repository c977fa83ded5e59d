import type { Sample, Showing, Span, StateChange } from "../states/protocol.ts";

/** What the kernel had taken at that time, and the page had not read. */
export function unreadBytes(
  samples: readonly Sample[],
  showings: readonly Showing[],
  atMs: number,
): number {
  const isBefore = (each: { readonly atMs: number }): boolean => each.atMs < atMs;
  const taken = samples.findLast(isBefore);
  if (!taken) return 0;
  const shown = showings.findLast((each) => each.atMs <= taken.atMs);
  return taken.takenBytes - (shown?.bytes ?? 0);
}

/** How old messages were when they were read: the share `quantile` was no older. Infinity without any. */
export function ageMs(
  showings: readonly Showing[],
  { fromMs, untilMs }: Span,
  quantile: number,
): number {
  const ages = showings
    .filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
    .map(({ atMs, madeAtMs }) => atMs - madeAtMs)
    .toSorted((a, b) => a - b);
  return ages[Math.floor(quantile * (ages.length - 1))] ?? Infinity;
}

/** For how long of that it was seen as frozen. */
export function frozenMs(changes: readonly StateChange[], { fromMs, untilMs }: Span): number {
  return changes.reduce((sum, { atMs, state }, index) => {
    const endMs = Math.min(changes[index + 1]?.atMs ?? Infinity, untilMs);
    return state === "frozen" ? sum + Math.max(0, endMs - Math.max(atMs, fromMs)) : sum;
  }, 0);
}
