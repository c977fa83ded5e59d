/** A figure in seconds, as `Wanted` has it. */
export function seconds(ms: number | undefined): (number | undefined)[] {
  return [ms === undefined ? undefined : ms / 1000];
}
