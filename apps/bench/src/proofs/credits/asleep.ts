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
/** Until it is seen. */
const MAX_S = 5;

/** A page that sleeps, or is blocked where a browser has no sleep, is seen as that also when little is sent. */
export async function proveAsleep(proved: Case): Promise<Outcome> {
  const { start, reader, runtime, isQuick } = proved;
  const ms = isQuick ? QUICK_MS : LASTS_MS;
  const cast = { start, runtime, reader, feed: "readings", everyMs: 0 } as const;
  return Stage.with(cast, async (stage) => {
    const { tab } = stage;
    await stage.during(BEFORE_MS);
    const span = tab.setFrozen ? await sleep(stage, tab.setFrozen, ms) : await stage.block(ms);
    await stage.during(AFTERMATH_MS + NOTICE_MS);
    const journal = await stage.journal();
    const { seenMs, overMs } = figuresOf(journal, "frozen", span);
    const { lost } = journal;
    const trouble = tab.setFrozen ? "frozen" : "blocked on a slow feed";
    return verdict(proved, tab.name, trouble, { seconds: ms / 1000 }, [
      { what: "frozen after", unit: "s", values: seconds(seenMs), goal: MAX_S },
      lost
        ? {
            what: `${lost.why}, after waking`,
            unit: "s",
            values: seconds(lost.atMs - span.untilMs),
          }
        : { what: "moving after", unit: "s", values: seconds(seenMs && overMs), goal: 1 },
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
