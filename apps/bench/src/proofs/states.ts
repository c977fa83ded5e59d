import { MissingPeer } from "../contender.ts";
import type { Outcome } from "../measure.ts";
import type { Proof } from "../proof.ts";
import { proveFlood } from "./states/flood.ts";
import { proveTrouble } from "./states/trouble.ts";
import type { Case } from "./states/verdict.ts";
import { viewers } from "./states/viewers.ts";

/** What becomes of a viewer is seen at once, costs little, and is soon over. */
export const states: Proof = {
  name: "states",
  title: "viewers that are stopped, blocked, frozen or slow are seen as that within a second",
  variants: Object.keys(viewers),
  steps: ({ only, isQuick }) =>
    Object.entries(viewers)
      .filter(([variant]) => only.length === 0 || only.includes(variant))
      .flatMap(([variant, { start, troubles }]) =>
        (["flood", ...troubles] as const).map((what) => ({
          title: `${variant}, ${what}`,
          run: async (runtime, onProgress) => {
            const proved: Case = { variant, start, isQuick, runtime, onProgress };
            return orAbsent(`${variant} (${what})`, async () =>
              what === "flood" ? proveFlood(proved) : proveTrouble(proved, what),
            );
          },
        })),
      ),
};

/** A viewer that is not installed, or that breaks, is no reason to leave out the others. */
async function orAbsent(variant: string, prove: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await prove();
  } catch (error) {
    const why = { variant, why: (error as Error).message };
    const isMissing = error instanceof MissingPeer;
    return { results: [], missing: isMissing ? [why] : [], failed: isMissing ? [] : [why] };
  }
}
