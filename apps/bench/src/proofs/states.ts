import type { Proof } from "../proof.ts";
import { orAbsent } from "./or-absent.ts";
import { proveFlood } from "./states/flood.ts";
import { proveTrouble } from "./states/trouble.ts";
import type { Case } from "./states/case.ts";
import { viewers } from "./states/viewers.ts";

/** What becomes of a viewer is seen at once, costs little, and is soon over. */
export const states: Proof = {
  name: "states",
  title: "viewers that are stopped, blocked, frozen or slow are seen as that within a second",
  variants: Object.keys(viewers),
  steps: ({ only, isQuick }) =>
    Object.entries(viewers)
      .filter(([variant]) => only.length === 0 || only.includes(variant))
      .flatMap(([variant, { troubles, ...kind }]) =>
        (["flood", ...troubles] as const).map((what) => ({
          title: `${variant}, ${what}`,
          run: async (runtime, onProgress) => {
            const proved: Case = { variant, ...kind, isQuick, runtime, onProgress };
            return orAbsent(`${variant} (${what})`, async () =>
              what === "flood" ? proveFlood(proved) : proveTrouble(proved, what),
            );
          },
        })),
      ),
};
