import type { Subject } from "./case.ts";
import { cases } from "./cases.ts";
import { differenceOf, type Where } from "./differences.ts";
import type { CaseResult } from "./case-result.ts";
import { runCase } from "./run-case.ts";

/**
 * Runs every case that can be run at all.
 *
 * @param onStart - hears the name of each before it runs
 * @param onResult - hears what it came to
 */
export async function runAll(
  where: Where,
  subject: Subject,
  onStart: (name: string) => void,
  onResult: (result: CaseResult) => void,
): Promise<void> {
  for (const one of cases) {
    const { name } = one;
    if (differenceOf(where, name)?.isFatal) continue;
    onStart(name);
    const wrong = await runCase(one, subject);
    onResult({ where, name, ...(wrong !== undefined && { wrong }) });
  }
}
