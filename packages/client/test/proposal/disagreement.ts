import { expect } from "vitest";
import type { CaseResult } from "./case-result.ts";
import { cases } from "./cases.ts";
import { differenceOf } from "./differences.ts";

/** What of a result is not as it is known to be. */
export function disagreement({ where, name, wrong }: CaseResult): string | undefined {
  const known = differenceOf(where, name);
  if (!known) return wrong;
  // What the platform has of its own may have been mended since.
  if (wrong !== undefined || where === "native") return undefined;
  return "it holds, strike it off the list of differences";
}

/** All of what another process or thread came to, which must be all cases. */
export function disagreements(results: readonly CaseResult[]): string[] {
  const seen = new Set(results.map(({ name }) => name));
  const [first] = results;
  const expected = cases.filter(({ name }) => first && !differenceOf(first.where, name)?.isFatal);
  expect(seen).toEqual(new Set(expected.map(({ name }) => name)));
  expect(seen.size).toBeGreaterThan(0);
  return results.flatMap((result) => {
    const what = disagreement(result);
    return what === undefined ? [] : [`${result.where}, ${result.name}: ${what}`];
  });
}
