import type { Effort } from "./workload.ts";

/**
 * Runs until machine code is warm, ever more at a time.
 *
 * @param time - does so many at once
 * @param least - what it starts with
 * @returns how many a repetition of `repMs` takes, and at least `least`
 */
export async function warmUp(
  time: (count: number) => Promise<{ readonly elapsedMs: number }>,
  { repMs, warmUpMs }: Effort,
  least: number,
): Promise<number> {
  let count = least;
  for (let spentMs = 0; ;) {
    const { elapsedMs } = await time(count);
    spentMs += elapsedMs;
    if (spentMs >= warmUpMs) return Math.max(least, Math.round((count * repMs) / elapsedMs));
    if (elapsedMs < repMs / 2) count *= 2;
  }
}
