import type { Outcome } from "../../measure.ts";
import { verdictOf, type Wanted } from "../verdict.ts";
import { AFTERMATH_MS, type Figures, figuresOf } from "./figures.ts";
import { Stage } from "./stage.ts";
import type { Case } from "./case.ts";
import type { Trouble } from "./viewers.ts";

/** What it is to be seen as, and how long it lasts. */
interface Plan {
  readonly state: "congested" | "frozen";
  readonly ms: number;
  readonly quickMs: number;
  readonly times: number;
}

const plans: Readonly<Record<Trouble, Plan>> = {
  stopped: { state: "frozen", ms: 3000, quickMs: 2000, times: 3 },
  blocked: { state: "frozen", ms: 10_000, quickMs: 3000, times: 1 },
  frozen: { state: "frozen", ms: 20_000, quickMs: 3000, times: 1 },
  slowed: { state: "congested", ms: 10_000, quickMs: 5000, times: 1 },
};

/** What the path is like, is known by then. */
const BEFORE_MS = 3000;
/** Notices are on their way for so long, at most. */
const NOTICE_MS = 200;

const MAX_S = 1;
/** Beyond the window: what a browser takes before it answers no more. */
const MAX_BEYOND_BYTES = 131_072;

/** A viewer in trouble is seen as what it is, swallows little, and is back at once. */
export async function proveTrouble(proved: Case, what: Trouble): Promise<Outcome> {
  const { start, acknowledgedBy, isQuick, runtime, onProgress } = proved;
  const { state, ...plan } = plans[what];
  const ms = isQuick ? plan.quickMs : plan.ms;
  const times = isQuick ? 1 : plan.times;
  return Stage.with(runtime, async (stage) => {
    const { viewer, journal } = await stage.open(start, "film");
    const figures: Figures[] = [];
    for (let time = 1; time <= times; time++) {
      onProgress(`${time} of ${times}`);
      await stage.during(BEFORE_MS);
      const span = await Promise.race([viewer.trouble(what, ms), viewer.broken]);
      await stage.during(AFTERMATH_MS + NOTICE_MS);
      figures.push(figuresOf(journal, state, span));
    }
    return verdictOf({ proof: "states", ...proved }, viewer.name, what, { seconds: ms / 1000 }, [
      ...(state === "frozen"
        ? wantedOfFrozen(figures)
        : wantedOfCongested(figures, acknowledgedBy === "credit")),
      {
        what: "swallowed",
        unit: "MB",
        values: figures.map(({ swallowedBytes }) => swallowedBytes / 1e6),
      },
      {
        what: "beyond the window",
        unit: "MB",
        values: figures.map(
          ({ swallowedBytes, windowBytes }) => Math.max(0, swallowedBytes - windowBytes) / 1e6,
        ),
        goal: MAX_BEYOND_BYTES / 1e6,
      },
      {
        what: "age a second later",
        unit: "s",
        values: seconds(figures, ({ shownMs }) => shownMs),
        goal: MAX_S,
      },
    ]);
  });
}

function wantedOfFrozen(figures: readonly Figures[]): Wanted[] {
  return [
    {
      what: "frozen after",
      unit: "s",
      values: seconds(figures, ({ seenMs }) => seenMs),
      goal: MAX_S,
    },
    {
      what: "moving after",
      unit: "s",
      values: seconds(figures, ({ overMs }) => overMs),
      goal: MAX_S,
    },
  ];
}

/**
 * Who reads, but slowly, is like any other until the window and the browser are full, unless it says itself what
 * it has read.
 */
function wantedOfCongested(figures: readonly Figures[], tells: boolean): Wanted[] {
  const overS = seconds(figures, ({ overMs }) => overMs);
  if (tells) {
    const seenS = seconds(figures, ({ seenMs }) => seenMs);
    return [
      { what: "congested after", unit: "s", values: seenS, goal: MAX_S },
      { what: "healthy after", unit: "s", values: overS },
    ];
  }
  return [
    { what: "full after", unit: "s", values: seconds(figures, ({ fullMs }) => fullMs) },
    {
      what: "then congested after",
      unit: "s",
      values: seconds(figures, ({ seenMs, fullMs }) =>
        seenMs === undefined || fullMs === undefined ? undefined : seenMs - fullMs,
      ),
      goal: MAX_S,
    },
    { what: "healthy after", unit: "s", values: overS },
  ];
}

function seconds(
  figures: readonly Figures[],
  of: (each: Figures) => number | undefined,
): (number | undefined)[] {
  return figures.map((each) => {
    const ms = of(each);
    return ms === undefined ? undefined : ms / 1000;
  });
}
