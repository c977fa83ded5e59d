import { ContenderProcess, MissingPeer } from "./contender.ts";
import type { Progress } from "./progress.ts";
import { type Result, summarise } from "./result.ts";
import type { Runtime } from "./runtimes.ts";
import { describeParams, rowName } from "./wording.ts";
import type { Block, Contender, Entry, Measurement, Params, Workload } from "./workload.ts";

/** What became of one block on one runtime. */
export interface Outcome {
  readonly results: readonly Result[];
  /** Peers that are not installed, and why. */
  readonly missing: readonly Absence[];
  /** Contenders that broke or arrived at a wrong result, and why. */
  readonly failed: readonly Absence[];
  /** What is printed instead of tables. */
  readonly lines?: readonly string[] | undefined;
}

/** What is the same for all contenders. */
export type Manner = Omit<Contender, "params" | "variant">;

/** A contender without a row. */
export interface Absence {
  readonly variant: string;
  readonly why: string;
}

/**
 * Measures a block: each variant in its own process, all of them warm, taking turns repetition by
 * repetition, so that what happens to the machine meanwhile happens to all of them.
 */
export async function measureBlock(
  workload: Workload,
  { params, variants }: Block,
  runtime: Runtime,
  manner: Manner,
  progress: Progress,
): Promise<Outcome> {
  const entries = variants.map(entryOf);
  const samples = new Map<Entry, (readonly Measurement[])[]>();
  const missing: Absence[] = [];
  const failed: Absence[] = [];
  const running = new Map<Entry, ContenderProcess>();

  const turn = async (entry: Entry, take: () => Promise<unknown>): Promise<void> => {
    try {
      await take();
    } catch (error) {
      const isMissing = error instanceof MissingPeer;
      (isMissing ? missing : failed).push({
        variant: nameOf(entry),
        why: (error as Error).message,
      });
      samples.delete(entry);
      await running.get(entry)?.close();
      running.delete(entry);
    }
  };

  try {
    for (const entry of entries) {
      const { variant } = entry;
      const own = { ...params, ...entry.params };
      const contender = new ContenderProcess(runtime, { ...manner, variant, params: own });
      running.set(entry, contender);
      samples.set(entry, []);
      await turn(entry, async () => contender.prepare(workload.name));
      progress.prepared(nameOf(entry));
    }
    for (let rep = 1; rep <= manner.effort.reps; rep++) {
      for (const [entry, contender] of running) {
        await turn(entry, async () => samples.get(entry)?.push(await contender.repeat()));
        progress.repeated(nameOf(entry), rep);
      }
    }
  } finally {
    await Promise.all([...running.values()].map(async (contender) => contender.close()));
  }

  const { name, baseline } = workload;
  const results = [...samples].flatMap(([entry, reps]) => {
    const { variant } = entry;
    const own = { ...params, ...entry.params };
    const compared = baselineOf(entry, entries, baseline);
    const reference = entry.reference && find(entries, variant, entry.reference);
    return summarise(
      { workload: name, variant, runtime: runtime.name, params: own, baseline },
      reps,
      {
        baseline: compared && samples.get(compared),
        reference: reference && samples.get(reference),
      },
    );
  });
  return { results, missing, failed };
}

/** The block with `only` these variants and the baseline, which they are compared with. */
export function narrowed(block: Block, baseline: string, only: readonly string[]): Block {
  if (only.length === 0) return block;
  const isKept = (one: string | Entry): boolean => only.includes(entryOf(one).variant);
  const isCompared = block.variants.some(isKept);
  const variants = block.variants.filter(
    (one) => isKept(one) || (isCompared && entryOf(one).variant === baseline),
  );
  return { ...block, variants };
}

/** What an entry is compared with: the baseline with the same params, or the first there is. */
function baselineOf(
  { params }: Entry,
  entries: readonly Entry[],
  baseline: string,
): Entry | undefined {
  const first = entries.find(({ variant }) => variant === baseline);
  return find(entries, baseline, params) ?? first;
}

function find(entries: readonly Entry[], variant: string, params: Params = {}): Entry | undefined {
  const wanted = describeParams(params);
  return entries.find(
    (entry) => entry.variant === variant && describeParams(entry.params ?? {}) === wanted,
  );
}

/** A bare name is a variant with nothing to set it apart. */
export function entryOf(one: string | Entry): Entry {
  return typeof one === "string" ? { variant: one } : one;
}

function nameOf({ variant, params = {} }: Entry): string {
  return rowName(variant, params);
}
