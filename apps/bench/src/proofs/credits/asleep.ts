import { now } from "../../clients/protocol.ts";
import type { Outcome } from "../../measure.ts";
import { AFTERMATH_MS, figuresOf } from "../states/figures.ts";
import type { Span } from "../states/protocol.ts";
import { type Case, verdict } from "./case.ts";
import { seconds } from "./seconds.ts";
import { Stage } from "./stage.ts";

const LASTS_MS = 15_000;
const QUICK_MS = 6000;
const BEFORE_MS = 4000;
const NOTICE_MS = 200;
/** Until it is seen; and then until it is back, and how old what it shows may be. */
const MAX_SEEN_S = 5;
const MAX_S = 1;

/** A page that sleeps, or is blocked where a browser has no sleep, is seen as that also when little is sent. */
export async function proveAsleep(proved: Case): Promise<Outcome> {
  const { start, runtime, isQuick } = proved;
  const ms = isQuick ? QUICK_MS : LASTS_MS;
  // A browser may end the connection of a page that sleeps.
  const reader = proved.reader === "credits" ? "reconnecting" : proved.reader;
  const cast = { start, runtime, reader, feed: "readings", everyMs: 0 } as const;
  return Stage.with(cast, async (stage) => {
    const { tab } = stage;
    await stage.during(BEFORE_MS);
    const span = tab.setFrozen ? await sleep(stage, tab.setFrozen, ms) : await stage.block(ms);
    await stage.during(AFTERMATH_MS + NOTICE_MS);
    const journal = await stage.journal();
    const { seenMs, overMs, shownMs } = figuresOf(journal, "frozen", span);
    const { lost } = journal;
    const trouble = tab.setFrozen ? "frozen" : "blocked on a slow feed";
    return verdict(proved, tab.name, trouble, { seconds: ms / 1000 }, [
      { what: "frozen after", unit: "s", values: seconds(seenMs), goal: MAX_SEEN_S },
      ...(lost
        ? [
            {
              what: `${lost.why}, after waking`,
              unit: "s",
              values: seconds(lost.atMs - span.untilMs),
            } as const,
          ]
        : [
            {
              what: "moving after",
              unit: "s",
              values: seconds(seenMs && overMs),
              goal: MAX_S,
            } as const,
            {
              what: "age a second later",
              unit: "s",
              values: seconds(shownMs),
              goal: MAX_S,
            } as const,
          ]),
    ]);
  });
}

async function sleep(
  stage: Stage,
  setFrozen: (isFrozen: boolean) => Promise<void>,
  ms: number,
): Promise<Span> {
  const fromMs = now();
  await stage.whileThere(setFrozen(true));
  await stage.during(ms);
  const untilMs = now();
  await stage.whileThere(setFrozen(false));
  return { fromMs, untilMs };
}
