import { ContenderProcess, MissingPeer } from "./contender.ts";
import type { Progress } from "./progress.ts";
import { type Result, summarise } from "./result.ts";
import type { Runtime } from "./runtimes.ts";
import type { Block, Effort, Measurement, Workload } from "./workload.ts";

/** What became of one block on one runtime. */
export interface Outcome {
  readonly results: readonly Result[];
  /** Peers that are not installed, and why. */
  readonly missing: readonly Absence[];
  /** Contenders that broke or arrived at a wrong result, and why. */
  readonly failed: readonly Absence[];
}

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
  effort: Effort,
  progress: Progress,
): Promise<Outcome> {
  const samples = new Map<string, (readonly Measurement[])[]>();
  const missing: Absence[] = [];
  const failed: Absence[] = [];
  const running = new Map<string, ContenderProcess>();

  const turn = async (variant: string, take: () => Promise<unknown>): Promise<void> => {
    try {
      await take();
    } catch (error) {
      const isMissing = error instanceof MissingPeer;
      (isMissing ? missing : failed).push({ variant, why: (error as Error).message });
      samples.delete(variant);
      await running.get(variant)?.close();
      running.delete(variant);
    }
  };

  try {
    for (const variant of variants) {
      const contender = new ContenderProcess(runtime, { variant, params, effort });
      running.set(variant, contender);
      samples.set(variant, []);
      await turn(variant, async () => contender.prepare(workload.name));
      progress.prepared(variant);
    }
    for (let rep = 1; rep <= effort.reps; rep++) {
      for (const [variant, contender] of running) {
        await turn(variant, async () => samples.get(variant)?.push(await contender.repeat()));
        progress.repeated(variant, rep);
      }
    }
  } finally {
    await Promise.all([...running.values()].map(async (contender) => contender.close()));
  }

  const { name, baseline } = workload;
  const results = [...samples].flatMap(([variant, reps]) =>
    summarise(
      { workload: name, variant, runtime: runtime.name, params, baseline },
      reps,
      samples.get(baseline),
    ),
  );
  return { results, missing, failed };
}

/** The block with `only` these variants and the baseline, which they are compared with. */
export function narrowed(block: Block, baseline: string, only: readonly string[]): Block {
  if (only.length === 0) return block;
  const kept = block.variants.filter((variant) => only.includes(variant));
  const isCompared = kept.length > 0 && block.variants.includes(baseline);
  const variants = block.variants.filter(
    (variant) => kept.includes(variant) || (isCompared && variant === baseline),
  );
  return { ...block, variants };
}
