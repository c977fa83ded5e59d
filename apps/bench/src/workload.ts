/** What varies between the blocks of a workload: `{ k: 3 }`, `{ clients: 1000, burst: 16 }`. */
export type Params = Readonly<Record<string, string | number>>;

/** Of `ns/chunk`, `s`, `MB` and `KiB/connection` less is better; of the others more is. */
export type Unit =
  | "deliveries/s"
  /** Of two that share: how much the one with less gets for each that the other gets. */
  | "fairness"
  | "KiB/connection"
  | "MB"
  | "MB/s"
  | "msg/s"
  | "ns/chunk"
  | "s";

/** How long and how often to measure. */
export interface Effort {
  readonly reps: number;
  /** Aim of one repetition. */
  readonly repMs: number;
  /** Aim of the warm-up before the first. */
  readonly warmUpMs: number;
}

/** One figure of one repetition. */
export interface Measurement {
  readonly unit: Unit;
  readonly value: number;
  /** Set apart figures of one repetition: `{ quantile: 0.99 }`. */
  readonly params?: Params | undefined;
  /** CPU seconds of the measured process per million chunks or messages. */
  readonly cpuPerMillion?: number | undefined;
}

/** A variant, warm and ready, in a process of its own. */
export interface Trial {
  /**
   * Measures once, and the same figures in the same order every time.
   *
   * @throws when the result is wrong: what does nothing is not fast
   */
  repeat(): Promise<readonly Measurement[]>;
}

/** What a {@link Workload} prepares. */
export interface Contender {
  readonly variant: string;
  readonly params: Params;
  readonly effort: Effort;
  /** The path of a file that lines of what happens are added to, for workloads that can. */
  readonly trace?: string | undefined;
}

/** One row of a block: a variant, with what sets it apart there. */
export interface Entry {
  readonly variant: string;
  readonly params?: Params | undefined;
  /** Params of the entry of the same variant that it is compared with as well. */
  readonly reference?: Params | undefined;
}

/** Variants that take turns, repetition by repetition, and are compared with each other. */
export interface Block {
  readonly params: Params;
  readonly variants: readonly (string | Entry)[];
}

/** One file in `workloads/`, listed in `workloads.ts`. */
export interface Workload {
  readonly name: string;
  /** One line for the help and the charts. */
  readonly title: string;
  /** The variant that ratios are made to. */
  readonly baseline: "native" | "ws";
  readonly blocks: readonly Block[];
  /** Whether it tells how a run goes, sample by sample. */
  readonly canTrace?: boolean | undefined;
  /** Called in the contender's own process. A peer that is not installed rejects as `import()` does. */
  prepare(contender: Contender): Promise<Trial>;
}
