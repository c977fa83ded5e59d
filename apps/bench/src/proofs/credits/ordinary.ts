import type { Outcome } from "../../measure.ts";
import { rateOf } from "../states/figures.ts";
import { type Case, verdict } from "./case.ts";
import { ageMs } from "./figures.ts";
import type { Reader } from "./protocol.ts";
import { seconds } from "./seconds.ts";
import { Stage } from "./stage.ts";

const LASTS_MS = 10_000;
const QUICK_MS = 2000;
/** The window is what it will be. */
const BEFORE_MS = 3000;
/** Of the rate without credits. */
const MIN_RATIO = 0.9;
/** How much older a message may be than without credits, in turns of the page's event loop that have work in them. */
const MAX_OLDER_MS = 100;

interface Got {
  readonly browser: string;
  readonly bytesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** A page that keeps up gets as much of 100 Mbit/s with credits as without, and no older. */
export async function proveOrdinary(proved: Case): Promise<Outcome> {
  const ms = proved.isQuick ? QUICK_MS : LASTS_MS;
  const without = await got(proved, "pings", ms);
  const credited = await got(proved, "credits", ms);
  const outcomes = [
    outcomeOf({ ...proved, reader: "pings" }, without, without, ms),
    outcomeOf(proved, credited, without, ms),
  ];
  return {
    results: outcomes.flatMap(({ results }) => results),
    missing: [],
    failed: outcomes.flatMap(({ failed }) => failed),
    lines: outcomes.flatMap(({ lines = [] }) => lines),
  };
}

async function got({ start, runtime }: Case, reader: Reader, ms: number): Promise<Got> {
  return Stage.with({ start, runtime, reader, feed: "film", everyMs: 0 }, async (stage) => {
    await stage.during(BEFORE_MS + ms);
    const { showings } = await stage.journal();
    const untilMs = showings.at(-1)?.atMs ?? 0;
    const span = { fromMs: untilMs - ms, untilMs };
    return {
      browser: stage.tab.name,
      bytesPerSecond: rateOf(showings, span),
      p50Ms: ageMs(showings, span, 0.5),
      p99Ms: ageMs(showings, span, 0.99),
    };
  });
}

function outcomeOf(proved: Case, own: Got, without: Got, ms: number): Outcome {
  return verdict(proved, own.browser, "ordinary", { seconds: ms / 1000 }, [
    {
      what: "rate",
      unit: "MB/s",
      values: [own.bytesPerSecond / 1e6],
      goal: (MIN_RATIO * without.bytesPerSecond) / 1e6,
    },
    { what: "age p50", unit: "s", values: seconds(own.p50Ms) },
    {
      what: "age p99",
      unit: "s",
      values: seconds(own.p99Ms),
      goal: (without.p99Ms + MAX_OLDER_MS) / 1000,
    },
  ]);
}
