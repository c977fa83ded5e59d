import type { Wanted } from "../verdict.ts";
import type { Stage, Weight } from "./stage.ts";

const WEIGH_MS = 1000;

/** By what a process grows that holds nothing: what its allocator keeps, machine code, caches. */
const NOISE_MB = { resident: 24, live: 8 };

/** Weighs again and again, and for the last time before so much time is over. */
export async function weighFor(stage: Stage, ms: number): Promise<Weight[]> {
  const untilMs = performance.now() + ms;
  const weights: Weight[] = [];
  do {
    await stage.during(WEIGH_MS);
    weights.push(await stage.weigh());
    // To weigh takes time too.
  } while (performance.now() + 2 * WEIGH_MS < untilMs);
  await stage.during(Math.max(0, untilMs - performance.now()));
  return weights;
}

/**
 * The most that server and browser have grown by since `before`.
 *
 * @param creditBytes - what a page that reads nothing has them hold
 */
export function growthOf(before: Weight, later: readonly Weight[], creditBytes: number): Wanted[] {
  const credit = creditBytes / 1e6;
  const resident = credit + NOISE_MB.resident;
  return [
    grown("server grew", before, later, ({ server }) => server.residentBytes, resident),
    grown("its heap grew", before, later, ({ server }) => server.liveBytes, credit + NOISE_MB.live),
    ...(before.browserBytes === undefined
      ? []
      : [grown("browser grew", before, later, ({ browserBytes = 0 }) => browserBytes, resident)]),
  ];
}

function grown(
  what: string,
  before: Weight,
  later: readonly Weight[],
  of: (weight: Weight) => number,
  goal: number,
): Wanted {
  const most = Math.max(...later.map(of)) - of(before);
  return { what, unit: "MB", values: [most / 1e6], goal };
}
