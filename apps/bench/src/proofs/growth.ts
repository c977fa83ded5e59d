import { summarise, type Result, type ResultContext } from "../result.ts";
import { median } from "../statistics.ts";
import type { Params } from "../workload.ts";

/** The samples of the second of so many parts of a run, and those of the last. */
export interface Growth {
  readonly parts: number;
  readonly early: readonly number[];
  readonly late: readonly number[];
  /** By how much the median is higher at the end. */
  readonly grown: number;
}

/**
 * Compares the second part of a run with its last: in the first everything is still finding its size.
 *
 * @throws when there are too few samples for that
 */
export function growthOf(samples: readonly number[], parts: number): Growth {
  const size = samples.length / parts;
  if (size < 1) {
    throw new RangeError(`Cannot compare ${parts} parts of ${samples.length} samples`);
  }
  const early = samples.slice(Math.floor(size), Math.floor(2 * size));
  const late = samples.slice(Math.floor((parts - 1) * size));
  return { parts, early, late, grown: median(late) - median(early) };
}

/** A row for either part, in MB above `startBytes`. */
export function growthRows(
  context: ResultContext,
  { parts, early, late }: Growth,
  startBytes: number,
  params: Params,
): Result[] {
  return [
    { part: 2, samples: early },
    { part: parts, samples: late },
  ].flatMap(({ part, samples }) =>
    summarise(
      context,
      samples.map((bytes) => [
        {
          unit: "MB",
          value: (bytes - startBytes) / 1e6,
          params: { ...params, part: `${part}/${parts}` },
        },
      ]),
    ),
  );
}
