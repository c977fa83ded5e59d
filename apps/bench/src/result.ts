import { median, pairedRatio } from "./statistics.ts";
import type { Measurement, Params, Unit } from "./workload.ts";

/** One row, and one line of JSON. */
export interface Result {
  readonly workload: string;
  readonly variant: string;
  readonly runtime: string;
  readonly params: Params;
  readonly unit: Unit;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly reps: number;
  /** CPU seconds per million, the median. */
  readonly cpuPerMillion?: number;
  /** How many times better than `ws`: the median of the ratios paired by repetition. */
  readonly ratioToWs?: number;
  /** The same to native web streams. */
  readonly ratioToNative?: number;
}

/** What the rows of one contender have in common. */
export interface ResultContext extends Pick<Result, "workload" | "variant" | "runtime" | "params"> {
  readonly baseline: "native" | "ws";
}

const lessIsBetter: ReadonlySet<Unit> = new Set(["KiB/connection", "MB", "ns/chunk", "s"]);

/**
 * Sums up what a contender measured.
 *
 * @param reps - the figures of every repetition
 * @param baseline - the same of the baseline, `undefined` where there is none to compare with
 * @returns a result for every figure
 */
export function summarise(
  context: ResultContext,
  reps: readonly (readonly Measurement[])[],
  baseline: readonly (readonly Measurement[])[] | undefined,
): Result[] {
  return (reps[0] ?? []).map((_, figure) => {
    const column = reps.map((rep) => at(rep, figure));
    const others = baseline?.map((rep) => at(rep, figure));
    return summary(context, column, others);
  });
}

/** Of one figure, repetition by repetition. */
function summary(
  { workload, variant, runtime, params, baseline }: ResultContext,
  column: readonly Measurement[],
  others: readonly Measurement[] | undefined,
): Result {
  const first = at(column, 0);
  const values = column.map(({ value }) => value);
  const cpu = column.flatMap(({ cpuPerMillion }) => cpuPerMillion ?? []);
  const otherValues = others?.map(({ value }) => value);
  return {
    workload,
    variant,
    runtime,
    params: { ...params, ...first.params },
    unit: first.unit,
    median: rounded(median(values)),
    min: rounded(Math.min(...values)),
    max: rounded(Math.max(...values)),
    reps: column.length,
    ...(cpu.length > 0 && { cpuPerMillion: rounded(median(cpu)) }),
    ...(otherValues && ratioTo(baseline, first.unit, values, otherValues)),
  };
}

function ratioTo(
  baseline: "native" | "ws",
  unit: Unit,
  values: readonly number[],
  others: readonly number[],
): Pick<Result, "ratioToWs" | "ratioToNative"> {
  const ratio = rounded(
    isLessBetter(unit) ? pairedRatio(others, values) : pairedRatio(values, others),
  );
  return baseline === "ws" ? { ratioToWs: ratio } : { ratioToNative: ratio };
}

function at(rep: readonly Measurement[], figure: number): Measurement {
  const measurement = rep[figure];
  if (!measurement)
    throw new RangeError(`Cannot find figure ${figure}: a repetition has ${rep.length}`);
  return measurement;
}

/** To four digits: what comes after them is noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Whether a smaller figure is the better one. */
export function isLessBetter(unit: Unit): boolean {
  return lessIsBetter.has(unit);
}

/** Best first. */
export function byRank(a: Result, b: Result): number {
  return isLessBetter(a.unit) ? a.median - b.median : b.median - a.median;
}

/** The results of each key, keys and results in the order they came. */
export function groupedBy(
  results: readonly Result[],
  keyOf: (result: Result) => string,
): Map<string, Result[]> {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const key = keyOf(result);
    const group = groups.get(key);
    if (group) group.push(result);
    else groups.set(key, [result]);
  }
  return groups;
}
