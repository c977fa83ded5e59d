import { MissingPeer } from "../contender.ts";
import type { Outcome } from "../measure.ts";

/** A viewer that is not installed, or that breaks, is no reason to leave out the others. */
export async function orAbsent(variant: string, prove: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await prove();
  } catch (error) {
    const why = { variant, why: (error as Error).message };
    const isMissing = error instanceof MissingPeer;
    return { results: [], missing: isMissing ? [why] : [], failed: isMissing ? [] : [why] };
  }
}
