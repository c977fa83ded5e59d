import type { Outcome } from "./measure.ts";
import type { Runtime } from "./runtimes.ts";

/** What the command line may say of a proof. */
export interface ProofOptions {
  readonly isQuick: boolean;
  /** Variants to keep; all when empty. */
  readonly only: readonly string[];
  /** Of all that is random. */
  readonly seed: number;
  /** What is sent, instead of what the proof would send. */
  readonly megabytes?: number | undefined;
  readonly clients?: number | undefined;
  /** How long it takes, instead of what the proof would take. */
  readonly seconds?: number | undefined;
}

/** One part of a proof, which has its own rows. */
interface ProofStep {
  /** What sets it apart from the others: `node, deflate = off`. */
  readonly title: string;
  /** @param onProgress - hears of what it is at */
  run(runtime: Runtime, onProgress: (what: string) => void): Promise<Outcome>;
}

/** One file in `proofs/`, listed in `proofs.ts`: it holds or it fails, and takes its time. */
export interface Proof {
  readonly name: string;
  /** One line for the help. */
  readonly title: string;
  readonly variants: readonly string[];
  steps(options: ProofOptions): readonly ProofStep[];
}
