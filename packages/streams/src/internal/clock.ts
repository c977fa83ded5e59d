import { checkFunction } from "../options.ts";

/**
 * The clock given, or `performance.now`; for chunks that tell their time, the time of day.
 *
 * @throws `TypeError` with `code: "SPW_ERR_OPTION"`
 */
export function clockOf(
  now: (() => number) | undefined,
  timeOf?: (chunk: never) => number,
): () => number {
  return checkFunction("now", now) ?? (timeOf ? Date.now : () => performance.now());
}
