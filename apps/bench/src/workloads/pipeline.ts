import type { Contender, Measurement, Trial, Workload } from "../workload.ts";
import { warmUp } from "../warm-up.ts";
import { Batch, MAX_CHUNKS } from "./pipeline/batch.ts";

/** Sends a batch through `stages` stages; tells how many of its first chunks were dropped, if any. */
type Run = (batch: Batch, stages: number) => Promise<number | void>;

/** Loaded when asked for: a peer that is not installed leaves the others alone. */
const runs: Readonly<Record<string, () => Promise<Run>>> = {
  native: async () => (await import("./pipeline/native.ts")).native,
  "async-generator": async () => (await import("./pipeline/async-generator.ts")).asyncGenerator,
  "node-objects": async () => (await import("./pipeline/node-objects.ts")).nodeObjects,
  streamx: async () => (await import("./pipeline/streamx.ts")).streamx,
  spillway: async () => (await import("./pipeline/ours.ts")).spillway,
  "spillway-native": async () => (await import("./pipeline/ours.ts")).spillwayNative,
  "spillway-pump": async () => (await import("./pipeline/ours.ts")).spillwayPump,
};

/** What a ring by itself does. */
const operations: Readonly<Record<string, () => Promise<Run>>> = {
  put: async () => (await import("./pipeline/ours.ts")).put,
  "for-await": async () => (await import("./pipeline/ours.ts")).forAwait,
};

const variants = Object.keys(runs);

/** ns per chunk from a source through k stages to a sink. */
export const pipeline: Workload = {
  name: "pipeline",
  title: "ns per chunk: source → k stages → sink, and our ring by itself",
  baseline: "native",
  blocks: [
    // Without a stage nothing between native ends is ours.
    { params: { k: 0 }, variants: variants.filter((variant) => variant !== "spillway-native") },
    { params: { k: 1 }, variants },
    { params: { k: 3 }, variants },
    { params: { op: "put" }, variants: ["spillway"] },
    { params: { op: "for-await" }, variants: ["spillway"] },
  ],
  async prepare({ variant, params, effort }: Contender): Promise<Trial> {
    const load = params["op"] === undefined ? runs[variant] : operations[params["op"]];
    if (!load) throw new Error(`Cannot find variant "${variant}"`);
    const run = await load();
    const stages = typeof params["k"] === "number" ? params["k"] : 0;
    const lap = new Lap(run, stages);
    const count = await warmUp(async (chunks) => lap.time(chunks), effort, 256);
    return { repeat: async () => [(await lap.time(count)).measurement] };
  },
};

/** One variant, run as often as it takes. */
class Lap {
  readonly #batch = new Batch();
  readonly #run: Run;
  readonly #stages: number;

  constructor(run: Run, stages: number) {
    this.#run = run;
    this.#stages = stages;
  }

  /** Times runs of `count` chunks in all, or a few more. */
  async time(count: number): Promise<{ elapsedMs: number; measurement: Measurement }> {
    const length = Math.min(count, MAX_CHUNKS);
    const rounds = Math.ceil(count / length);
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    for (let round = 0; round < rounds; round++) {
      this.#batch.start(length);
      const dropped = await this.#run(this.#batch, this.#stages);
      this.#batch.check(this.#stages, dropped ?? 0);
    }
    const elapsedMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpuBefore);
    const chunks = length * rounds;
    return {
      elapsedMs,
      measurement: {
        unit: "ns/chunk",
        value: (elapsedMs * 1e6) / chunks,
        // A microsecond per chunk is a second per million.
        cpuPerMillion: (user + system) / chunks,
      },
    };
  }
}
