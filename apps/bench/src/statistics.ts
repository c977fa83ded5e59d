/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined)
    throw new RangeError("Cannot take the median of nothing");
  return (lower + upper) / 2;
}

/**
 * The median of the ratios paired by repetition: what slows the machine down for a while slows both
 * of a pair, so it cancels out, which a ratio of two medians does not do.
 */
export function pairedRatio(values: readonly number[], others: readonly number[]): number {
  if (values.length !== others.length) {
    throw new RangeError(`Cannot pair ${values.length} repetitions with ${others.length}`);
  }
  return median(values.map((value, rep) => value / (others[rep] ?? Number.NaN)));
}
