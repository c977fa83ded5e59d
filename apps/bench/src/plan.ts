import { UsageError } from "./arguments.ts";
import { entryOf, narrowed } from "./measure.ts";
import type { Block, Params, Workload } from "./workload.ts";

/** What to keep of the workloads. */
export interface Selection {
  /** Variants; all when empty. */
  readonly only: readonly string[];
  /** Params, as `name=value`; all when empty. */
  readonly where: readonly string[];
}

/**
 * The blocks that are asked for, with the variants that are, and what they are compared with.
 *
 * @throws {@link UsageError} when there is no such thing
 */
export function planOf(
  workloads: readonly Workload[],
  { only, where }: Selection,
): { workload: Workload; block: Block }[] {
  const blocks = workloads.flatMap((workload) => workload.blocks);
  checkKnown(
    "variant",
    only,
    blocks.flatMap(({ variants }) => variants.map((one) => entryOf(one).variant)),
  );
  checkKnown(
    "param",
    where,
    blocks.flatMap(({ params }) => pairsOf(params)),
  );
  const isKept = ({ params }: Block): boolean =>
    where.length === 0 || pairsOf(params).some((pair) => where.includes(pair));
  return workloads.flatMap((workload) =>
    workload.blocks
      .filter(isKept)
      .map((block) => ({ workload, block: narrowed(block, workload.baseline, only) }))
      .filter(({ block }) => block.variants.length > 0),
  );
}

/** @throws {@link UsageError} when any is not among those known */
export function checkKnown(
  what: string,
  wanted: readonly string[],
  known: readonly string[],
): void {
  const unknown = wanted.find((one) => !known.includes(one));
  if (unknown === undefined) return;
  const all = [...new Set(known)].join(", ");
  throw new UsageError(`Unknown ${what} "${unknown}", want one of: ${all}`);
}

/** `clients=1000` */
function pairsOf(params: Params): string[] {
  return Object.entries(params).map(([name, value]) => `${name}=${value}`);
}
