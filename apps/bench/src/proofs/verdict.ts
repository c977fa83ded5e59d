import type { Absence, Outcome } from "../measure.ts";
import { isLessBetter, type ResultContext, summarise } from "../result.ts";
import type { Runtime } from "../runtimes.ts";
import { figure } from "../wording.ts";
import type { Params, Unit } from "../workload.ts";

/** What was looked at. */
export interface Proved {
  /** The name of the proof. */
  readonly proof: string;
  readonly variant: string;
  readonly runtime: Runtime;
}

/** What is wanted of a figure, each time that it was taken. */
export interface Wanted {
  /** `frozen after` */
  readonly what: string;
  readonly unit: Extract<Unit, "MB" | "MB/s" | "s">;
  /** `undefined`: it did not come to pass. */
  readonly values: readonly (number | undefined)[];
  /** At most, of a rate at least; without one it is told alone. */
  readonly goal?: number | undefined;
}

/** Has each figure as a row, all of them as a line for people, and those that miss their goal as failures. */
export function verdictOf(
  { proof, variant, runtime }: Proved,
  viewer: string,
  trouble: string,
  params: Params,
  all: readonly Wanted[],
): Outcome {
  const context: ResultContext = {
    workload: proof,
    variant,
    runtime: runtime.name,
    params: { viewer, trouble, ...params },
    baseline: "ws",
  };
  const results = all.flatMap(({ what, unit, values, goal }) => {
    const seen = values.filter((value) => value !== undefined);
    const own = { figure: what, ...(goal !== undefined && { goal }) };
    return summarise(
      context,
      seen.map((value) => [{ unit, value, params: own }]),
    );
  });
  const failed = all.filter(isMissed).map((wanted): Absence => {
    return { variant: `${variant} (${trouble})`, why: wordingOf(wanted) };
  });
  const line = `${viewer}, ${trouble}: ${all.map(wordingOf).join(", ")}`;
  return { results, missing: [], failed, lines: [line] };
}

/** The worst counts. */
function isMissed({ unit, values, goal }: Wanted): boolean {
  if (goal === undefined) return false;
  const isFar = (value: number): boolean => (isLessBetter(unit) ? value > goal : value < goal);
  return values.some((value) => value === undefined || isFar(value));
}

/** `frozen after 0.42 to 0.5 s (at most 1)` */
function wordingOf({ what, unit, values, goal }: Wanted): string {
  const seen = values.filter((value) => value !== undefined);
  const limit = isLessBetter(unit) ? "at most" : "at least";
  const wanted = goal === undefined ? "" : ` (${limit} ${figure(goal)})`;
  if (seen.length < values.length) return `${what} never${wanted}`;
  const [least, worst] = [Math.min(...seen), Math.max(...seen)].map(figure);
  const range = least === worst ? `${worst}` : `${least} to ${worst}`;
  return `${what} ${range} ${unit}${wanted}`;
}
