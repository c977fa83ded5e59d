import type { Outcome } from "../measure.ts";
import type { Proof } from "../proof.ts";
import { proveAsleep } from "./credits/asleep.ts";
import { proveBlocked } from "./credits/blocked.ts";
import { browsers } from "./credits/browsers.ts";
import type { Case } from "./credits/case.ts";
import { proveOrdinary } from "./credits/ordinary.ts";
import type { Reader } from "./credits/protocol.ts";
import { proveSlow } from "./credits/slow.ts";
import { orAbsent } from "./or-absent.ts";

/** What befalls a page. */
interface Scene {
  readonly prove: (proved: Case) => Promise<Outcome>;
  /** Those with credits, and those to compare them with. */
  readonly readers: readonly Reader[];
}

const scenes: Readonly<Record<string, Scene>> = {
  // It compares them itself.
  ordinary: { prove: proveOrdinary, readers: ["credits"] },
  slow: { prove: proveSlow, readers: ["pings", "credits"] },
  asleep: { prove: proveAsleep, readers: ["plain", "pings", "credits"] },
  blocked: { prove: proveBlocked, readers: ["plain", "pings", "credits"] },
};

/** What a browser takes for a page that does not read it is bounded by what the page has granted. */
export const credits: Proof = {
  name: "credits",
  title:
    "pages in browsers that read slowly, sleep or are blocked are seen as that and hold little",
  variants: Object.keys(browsers),
  steps: ({ only, isQuick }) =>
    Object.entries(browsers)
      .filter(([variant]) => only.length === 0 || only.includes(variant))
      .flatMap(([variant, start]) =>
        Object.entries(scenes).flatMap(([scene, { prove, readers }]) =>
          (isQuick ? (["credits"] as const) : readers).map((reader) => ({
            title: `${variant}, ${scene}, ${reader}`,
            run: async (runtime, onProgress) => {
              const proved: Case = { variant, start, reader, isQuick, runtime, onProgress };
              return orAbsent(`${variant} (${scene}, ${reader})`, async () => prove(proved));
            },
          })),
        ),
      ),
};
