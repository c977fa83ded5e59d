import type { Outcome } from "../../measure.ts";
import { type Case, CREDIT_BYTES, verdict } from "./case.ts";
import { frozenMs, unreadBytes } from "./figures.ts";
import { growthOf, weighFor } from "./memory.ts";
import { FEEDS } from "./protocol.ts";
import { seconds } from "./seconds.ts";
import { Stage } from "./stage.ts";

const EVERY_MS = 1000;
const LASTS_MS = 20_000;
const QUICK_MS = 4000;
/** All that may be unread is, by then. */
const BEFORE_MS = 3000;
/** Of the page, beyond what it had: it keeps what it tells of each message. */
const MAX_HEAP_MB = 1;
/** One that reads, however slowly, is not frozen. */
const MAX_FROZEN_S = 1;

/** A page that reads one message a second of a thousand has its server hold back the rest. */
export async function proveSlow(proved: Case): Promise<Outcome> {
  const { start, reader, runtime, isQuick } = proved;
  const cast = { start, runtime, reader, feed: "numbers", everyMs: EVERY_MS } as const;
  const ms = isQuick ? QUICK_MS : LASTS_MS;
  return Stage.with(cast, async (stage) => {
    const { tab } = stage;
    await stage.during(BEFORE_MS);
    const heapBefore = await tab.heapBytes?.();
    const before = await stage.weigh();
    const weights = await weighFor(stage, ms);
    const heapAfter = await tab.heapBytes?.();
    const { changes, samples, showings } = await stage.journal();
    const untilMs = samples.at(-1)?.atMs ?? 0;
    const span = { fromMs: untilMs - ms, untilMs };
    const goal = (CREDIT_BYTES + FEEDS.numbers.bytes) / 1e6;
    const inFlight = samples.map(({ inFlightBytes }) => inFlightBytes);
    return verdict(proved, tab.name, "slow", { seconds: ms / 1000 }, [
      { what: "in flight", unit: "MB", values: [Math.max(...inFlight) / 1e6], goal },
      {
        what: "sent and not read",
        unit: "MB",
        values: [unreadBytes(samples, showings, Infinity) / 1e6],
        goal,
      },
      {
        what: "seen as frozen for",
        unit: "s",
        values: seconds(frozenMs(changes, span)),
        goal: MAX_FROZEN_S,
      },
      ...growthOf(before, weights, 0),
      ...(heapBefore === undefined || heapAfter === undefined
        ? []
        : [
            {
              what: "page grew",
              unit: "MB",
              values: [(heapAfter - heapBefore) / 1e6],
              goal: MAX_HEAP_MB,
            } as const,
          ]),
    ]);
  });
}
