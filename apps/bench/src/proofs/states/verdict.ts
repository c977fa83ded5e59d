import type { Absence, Outcome } from "../../measure.ts";
import { type ResultContext, summarise } from "../../result.ts";
import type { Runtime } from "../../runtimes.ts";
import type { Params, Unit } from "../../workload.ts";
import { figure } from "../../wording.ts";
import type { StartViewer } from "./viewers.ts";

/** A viewer that is to be looked at. */
export interface Case {
  readonly variant: string;
  readonly start: StartViewer;
  readonly isQuick: boolean;
  /** That of the server. */
  readonly runtime: Runtime;
  readonly onProgress: (what: string) => void;
}

/** What is wanted of a figure, each time that it was taken. */
export interface Wanted {
  /** `frozen after` */
  readonly what: string;
  readonly unit: Extract<Unit, "MB" | "s">;
  /** `undefined`: it did not come to pass. */
  readonly values: readonly (number | undefined)[];
  /** At most; without one it is told alone. */
  readonly goal?: number | undefined;
}

/** Has each figure as a row, all of them as a line for people, and those that miss their goal as failures. */
export function verdictOf(
  { variant, runtime }: Pick<Case, "runtime" | "variant">,
  viewer: string,
  trouble: string,
  params: Params,
  all: readonly Wanted[],
): Outcome {
  const context: ResultContext = {
    workload: "states",
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
function isMissed({ values, goal }: Wanted): boolean {
  return goal !== undefined && values.some((value) => value === undefined || value > goal);
}

/** `frozen after 0.42 to 0.5 s (at most 1)` */
function wordingOf({ what, unit, values, goal }: Wanted): string {
  const seen = values.filter((value) => value !== undefined);
  const most = goal === undefined ? "" : ` (at most ${figure(goal)})`;
  if (seen.length < values.length) return `${what} never${most}`;
  const [least, worst] = [Math.min(...seen), Math.max(...seen)].map(figure);
  const range = least === worst ? `${worst}` : `${least} to ${worst}`;
  return `${what} ${range} ${unit}${most}`;
}
