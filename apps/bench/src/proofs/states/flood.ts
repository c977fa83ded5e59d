import type { Absence, Outcome } from "../../measure.ts";
import { type ResultContext, summarise } from "../../result.ts";
import { median, pairedRatio } from "../../statistics.ts";
import type { Measurement } from "../../workload.ts";
import type { PathShape } from "../../viewers/shaped-path.ts";
import { figure } from "../../wording.ts";
import { rateOf } from "./figures.ts";
import type { Load } from "./protocol.ts";
import { type Look, Stage } from "./stage.ts";
import type { Case } from "./case.ts";

/** As a viewer may have it at home: what it needs is known, and no processor is in its way. */
const PATH: PathShape = { bytesPerSecond: 6_250_000, rttMs: 40 };
/** Until the window is what it will be. */
const RISE_MS = 2000;
const TURN_MS = 1000;
const TURNS = 5;
const QUICK_TURNS = 1;

const MIN_RATIO = 0.9;

/** A viewer answers pings, and the window opens until the path is as full as without one. */
export async function proveFlood(proved: Case): Promise<Outcome> {
  const { start, isQuick, runtime } = proved;
  return Stage.with(runtime, async (stage) => {
    // At once: each has a path of its own, and whatever befalls the machine befalls both.
    const windowed = await stage.open(start, "flood", PATH);
    const unbounded = await stage.open(start, "unbounded", PATH);
    const turns = isQuick ? QUICK_TURNS : TURNS;
    const { fromMs } = await stage.flood(RISE_MS + turns * TURN_MS);
    const ratesOf = ({ journal }: Look): number[] =>
      Array.from({ length: turns }, (_, turn) => {
        const beganAtMs = fromMs + RISE_MS + turn * TURN_MS;
        return rateOf(journal.showings, { fromMs: beganAtMs, untilMs: beganAtMs + TURN_MS });
      });
    return judge(proved, windowed, { flood: ratesOf(windowed), unbounded: ratesOf(unbounded) });
  });
}

/** Bytes a second, turn by turn. */
type Rates = Record<Exclude<Load, "film">, readonly number[]>;

function judge(
  { variant, runtime, acknowledgedBy: wanted }: Case,
  { viewer, journal }: Look,
  { flood, unbounded }: Rates,
): Outcome {
  const { acknowledgedBy = "nobody", windowBytes = 0 } = journal.samples.at(-1) ?? {};
  const ratio = pairedRatio(flood, unbounded);
  const failed: Absence[] = [];
  const fail = (why: string): unknown => failed.push({ variant: `${variant} (flood)`, why });
  if (!(ratio >= MIN_RATIO)) {
    fail(`it got ${figure(ratio)} of what it gets without a window, want ${MIN_RATIO}`);
  }
  if (acknowledgedBy !== wanted) {
    fail(`what it got was acknowledged by ${acknowledgedBy}, want ${wanted}`);
  }

  const context: ResultContext = {
    workload: "states",
    variant,
    runtime: runtime.name,
    params: { viewer: viewer.name, trouble: "flood" },
    baseline: "ws",
  };
  const reference = rateRows(unbounded, "false");
  const size: Measurement = {
    unit: "MB",
    value: windowBytes / 1e6,
    params: { figure: "window" },
  };
  const results = [
    ...summarise(context, reference),
    ...summarise(context, rateRows(flood, "auto"), { reference }),
    ...summarise(context, [[size]]),
  ];
  const line =
    `${viewer.name}, flood: acknowledged by ${acknowledgedBy}, ${figure(median(flood) / 1e6)} MB/s ` +
    `in a window of ${figure(windowBytes / 1e6)} MB, ${figure(ratio)} of that without one (at least ${MIN_RATIO})`;
  return { results, missing: [], failed, lines: [line] };
}

function rateRows(rates: readonly number[], window: string): (readonly Measurement[])[] {
  return rates.map((rate) => [{ unit: "MB/s", value: rate / 1e6, params: { window } }]);
}
