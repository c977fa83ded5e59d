import { checkNumber, wrongType } from "./internal/check.ts";

/**
 * How fast a peer reads: as fast as it can, not at all, or so many wire bytes a second.
 *
 * A rate holds in the long run. One read takes up to 64 KiB at once, so a rate far below that comes
 * in steps: 8 KiB a second is one read every eight seconds.
 */
export type ReadPace = "fast" | "never" | { readonly bytesPerSecond: number };

/** Refuses what is no pace. */
export function checkPace(name: string, pace: ReadPace): ReadPace {
  if (pace === "fast" || pace === "never") return pace;
  if (typeof pace !== "object" || pace === null) {
    throw wrongType(name, `"fast", "never" or { bytesPerSecond }`, pace);
  }
  checkNumber(`${name}.bytesPerSecond`, pace.bytesPerSecond, { min: 1, max: Number.MAX_VALUE });
  return pace;
}
