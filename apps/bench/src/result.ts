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
  /** The same to its own variant without what it is to withstand. */
  readonly ratioToReference?: number;
}

/** What the rows of one contender have in common. */
export interface ResultContext extends Pick<Result, "workload" | "variant" | "runtime" | "params"> {
  readonly baseline: "native" | "ws";
}

/** What a contender is compared with. */
interface Others<T> {
  readonly baseline?: T | undefined;
  readonly reference?: T | undefined;
}

const ratioName = { native: "ratioToNative", ws: "ratioToWs" } as const;

const lessIsBetter: ReadonlySet<Unit> = new Set(["KiB/connection", "MB", "ns/chunk", "s"]);

/**
 * Sums up what a contender measured.
 *
 * @param reps - the figures of every repetition
 * @param others - the same of what it is compared with, where there is any
 * @returns a result for every figure
 */
export function summarise(
  context: ResultContext,
  reps: readonly (readonly Measurement[])[],
  others: Others<readonly (readonly Measurement[])[]> = {},
): Result[] {
  return (reps[0] ?? []).map((_, figure) => {
    const column = reps.map((rep) => at(rep, figure));
    const { baseline, reference } = others;
    return summary(context, column, {
      baseline: baseline?.map((rep) => at(rep, figure).value),
      reference: reference?.map((rep) => at(rep, figure).value),
    });
  });
}

/** Of one figure, repetition by repetition. */
function summary(
  { workload, variant, runtime, params, baseline }: ResultContext,
  column: readonly Measurement[],
  others: Others<readonly number[]>,
): Result {
  const first = at(column, 0);
  const values = column.map(({ value }) => value);
  const cpu = column.flatMap(({ cpuPerMillion }) => cpuPerMillion ?? []);
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
    ...(others.baseline && {
      [ratioName[baseline]]: ratio(first.unit, values, others.baseline),
    }),
    ...(others.reference && {
      ratioToReference: ratio(first.unit, values, others.reference),
    }),
  };
}

function ratio(unit: Unit, values: readonly number[], others: readonly number[]): number {
  return rounded(isLessBetter(unit) ? pairedRatio(others, values) : pairedRatio(values, others));
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
