import type { Outcome } from "../../measure.ts";
import { AFTERMATH_MS, figuresOf } from "../states/figures.ts";
import { type Case, CREDIT_BYTES, verdict } from "./case.ts";
import { growthOf, weighFor } from "./memory.ts";
import { FEEDS } from "./protocol.ts";
import { seconds } from "./seconds.ts";
import { Stage } from "./stage.ts";

const LASTS_MS = 15_000;
const QUICK_MS = 4000;
/** The window is what it will be, and the browser as large. */
const BEFORE_MS = 5000;
const NOTICE_MS = 200;
const MAX_S = 1;
/** Between one word of a page on what it has read and the next, and one look of the server and the next. */
const UNTOLD_MS = 40;

/** While its main thread is blocked, a browser takes what the credit allows of 100 Mbit/s, and is back at once. */
export async function proveBlocked(proved: Case): Promise<Outcome> {
  const { start, reader, runtime, isQuick } = proved;
  const ms = isQuick ? QUICK_MS : LASTS_MS;
  const cast = { start, runtime, reader, feed: "film", everyMs: 0 } as const;
  return Stage.with(cast, async (stage) => {
    await stage.during(BEFORE_MS);
    const before = await stage.weigh();
    const [weights, span] = await Promise.all([weighFor(stage, ms), stage.block(ms)]);
    await stage.during(AFTERMATH_MS + NOTICE_MS);
    const journal = await stage.journal();
    const { seenMs, overMs, swallowedBytes, shownMs } = figuresOf(journal, "frozen", span);
    const { bytes, perSecond } = FEEDS.film;
    const most = CREDIT_BYTES + bytes;
    // What was read just before the block, and not told, seems to have been swallowed.
    const seeming = (most + (bytes * perSecond * UNTOLD_MS) / 1000) / 1e6;
    const { lost } = journal;
    return verdict(proved, stage.tab.name, "blocked", { seconds: ms / 1000 }, [
      { what: "swallowed", unit: "MB", values: [swallowedBytes / 1e6], goal: seeming },
      ...growthOf(before, weights, most),
      { what: "frozen after", unit: "s", values: seconds(seenMs), goal: MAX_S },
      { what: "moving after", unit: "s", values: seconds(seenMs && overMs), goal: MAX_S },
      lost
        ? { what: lost.why, unit: "s", values: seconds(lost.atMs - span.fromMs), goal: 0 }
        : { what: "age a second later", unit: "s", values: seconds(shownMs), goal: MAX_S },
    ]);
  });
}
