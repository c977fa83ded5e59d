import { describeParams, figure, rowName, sharedParams } from "./wording.ts";
import { byRank, groupedBy, type Result } from "./result.ts";

/** A table of what is compared with each other (one runtime, one set of params, one unit), best first. */
export function tables(results: readonly Result[]): string {
  return [...groupedBy(results, heading).values()]
    .map((group) => table(group.toSorted(byRank)))
    .join("\n");
}

/** `pipeline, node 26.10.0, k = 3, ns/chunk` */
function heading({ workload, runtime, params, unit }: Result): string {
  return [workload, runtime, describeParams(sharedParams(params)), unit].filter(Boolean).join(", ");
}

function table(results: readonly Result[]): string {
  const [first] = results;
  if (!first) return "";
  const columns = [
    column("variant", results, ({ variant, params }) => rowName(variant, params)),
    column("median", results, (result) => figure(result.median)),
    column("min", results, (result) => figure(result.min)),
    column("max", results, (result) => figure(result.max)),
    column("spread", results, spread),
    column("better than native", results, ({ ratioToNative }) => times(ratioToNative)),
    column("better than ws", results, ({ ratioToWs }) => times(ratioToWs)),
    column("better than reference", results, ({ ratioToReference }) => times(ratioToReference)),
    column("CPU s/million", results, ({ cpuPerMillion }) =>
      cpuPerMillion === undefined ? "" : figure(cpuPerMillion),
    ),
    column("reps", results, ({ reps }) => String(reps)),
  ].filter((cells) => cells.some((cell, row) => row > 0 && cell.trim() !== ""));
  const lines = [...results.keys(), results.length].map((row) =>
    columns
      .map((cells) => cells[row])
      .join("  ")
      .trimEnd(),
  );
  return `${heading(first)}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

/** The title and the cells, of one width: names to the left, figures to the right. */
function column(
  title: string,
  results: readonly Result[],
  cell: (result: Result) => string,
): string[] {
  const cells = [title, ...results.map(cell)];
  const width = Math.max(...cells.map((text) => text.length));
  return cells.map((text) => (title === "variant" ? text.padEnd(width) : text.padStart(width)));
}

function times(ratio: number | undefined): string {
  return ratio === undefined ? "" : `${figure(ratio)}×`;
}

/** How far apart the repetitions are, of the median. */
function spread({ median, min, max }: Result): string {
  // What is above a start may be nothing, or less.
  if (median <= 0) return "";
  return `${Math.round((100 * (max - min)) / median)} %`;
}
