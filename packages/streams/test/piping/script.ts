import { settle } from "@spillway/testing";
import * as fc from "fast-check";
import { bounded, map } from "../../src/index.ts";
import { DRAINS, type Drain, failure, type Origin, ORIGINS, REJECTS_LATE } from "./rig.ts";

/** A pipe to build. */
export interface Plan {
  readonly from: keyof typeof ORIGINS;
  readonly stages: readonly {
    readonly kind: keyof typeof STAGES;
    /** Whether it is the platform's among ours. */
    readonly isForeign: boolean;
  }[];
  readonly highWaterMark: number;
  readonly isSized: boolean;
  readonly preventAbort: boolean;
  readonly preventCancel: boolean;
  readonly preventClose: boolean;
  /** Writes that are queued before the pipe. */
  readonly earlier: number;
}

/** What happens: chunks to enqueue, or a word. */
export type Step =
  | number
  | "stall"
  | "resume"
  | "release"
  | "close"
  | "error"
  /** The same, and where it is a race as well. */
  | "error anyway"
  | "break"
  | "abort";

/** The same step of the platform's stream and of ours. */
type Stage = (isOurs: boolean) => ReadableWritablePair<unknown, unknown>;

function transform(work: (chunk: unknown) => unknown, marks: [number, number]): Stage {
  const [input, output] = marks.map((highWaterMark) => ({ highWaterMark }));
  return (isOurs) =>
    isOurs
      ? map(work, { writableStrategy: input, readableStrategy: output })
      : new TransformStream(
          { transform: async (chunk, controller) => controller.enqueue(await work(chunk)) },
          input,
          output,
        );
}

const STAGES = {
  sync: transform((chunk) => chunk, [1, 0]),
  async: transform(async (chunk) => chunk, [1, 0]),
  marked: transform((chunk) => chunk, [3, 2]),
  parallel: (isOurs: boolean) => {
    const work = async (chunk: unknown): Promise<unknown> => {
      // Those that begin later end earlier.
      for (let left = (chunk as number) % 3; left > 0; left--) await Promise.resolve();
      return chunk;
    };
    return isOurs ? map(work, { concurrency: 3 }) : transform(work, [1, 0])(false);
  },
  queue: (isOurs: boolean) =>
    isOurs
      ? bounded<unknown>({ highWaterMark: 2 })
      : new TransformStream<unknown, unknown>(undefined, undefined, { highWaterMark: 2 }),
} satisfies Record<string, Stage>;

const common = {
  isSized: fc.boolean(),
  preventAbort: fc.boolean(),
  preventCancel: fc.boolean(),
  preventClose: fc.boolean(),
  earlier: fc.nat({ max: 2 }),
};

function stagesOf(
  kinds: readonly (keyof typeof STAGES)[],
  isForeign: fc.Arbitrary<boolean>,
): fc.Arbitrary<Plan["stages"]> {
  const stage = fc.record({ kind: fc.constantFrom(...kinds), isForeign });
  return fc.array(stage, { maxLength: 4 });
}

/** Pipes that the platform can build as well. */
export const comparable: fc.Arbitrary<Plan> = fc.record({
  ...common,
  from: fc.constant("end" as const),
  stages: stagesOf(["sync", "async", "marked"], fc.constant(false)),
  highWaterMark: fc.constantFrom(0, 1, 2, 4, Infinity),
});

/** Pipes of everything, with stages of the platform among ours. */
export const mixed: fc.Arbitrary<Plan> = fc.record({
  ...common,
  from: fc.constantFrom("native", "end", "bounded", "map", "iterable"),
  stages: stagesOf(["sync", "async", "marked", "queue", "parallel"], fc.boolean()),
  highWaterMark: fc.constantFrom(1, 2, 4, Infinity),
});

const flow: fc.Arbitrary<Step> = fc.oneof(
  fc.integer({ min: 1, max: 5 }),
  fc.constantFrom("stall", "resume", "release"),
);

/** Chunks and stalls. */
export const flows: fc.Arbitrary<Step[]> = fc.array(flow, { maxLength: 24 });

/** The same, and ends. */
export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 16, arbitrary: flow },
    { weight: 1, arbitrary: fc.constantFrom("close", "error", "break", "abort") },
  ),
  { maxLength: 24 },
);

type Outcome = "pending" | "fulfilled" | { readonly rejected: unknown };

const reasons = Object.fromEntries(
  ["error", "break", "abort"].map((name) => [name, failure(name)]),
);

/** A plan at work, with the platform's streams or with ours. */
export class Run {
  readonly #origin: Origin;
  readonly #drain: Drain;
  readonly #abort = new AbortController();
  readonly #held: (() => void)[] = [];
  readonly #outcomes: Outcome[] = [];
  readonly #earlier: number;
  readonly #isRace: boolean;
  #enqueued = 0;
  #isStalled = false;
  #isOpen = true;
  #hasErrored = false;

  constructor(
    isOurs: boolean,
    { from, stages, highWaterMark, isSized, earlier, ...prevent }: Plan,
  ) {
    this.#earlier = earlier;
    this.#isRace = stages.slice(0, -1).some(({ kind }) => kind === "marked");
    this.#origin = ORIGINS[isOurs ? from : "native"]();
    this.#drain = (isOurs ? DRAINS.sink : DRAINS.native)({
      highWaterMark,
      ...(isSized && { size: (chunk) => Math.abs(chunk as number) % 3 }),
      write: () => {
        if (!this.#isStalled) return undefined;
        return new Promise<void>((resolve) => {
          this.#held.push(resolve);
        });
      },
    });
    const writer = this.#drain.writable.getWriter();
    for (let chunk = -earlier; chunk < 0; chunk++) this.#watch(writer.write(chunk));
    writer.releaseLock();
    let { readable } = this.#origin;
    for (const { kind, isForeign } of stages) {
      const stage = STAGES[kind](isOurs && !isForeign);
      this.#watch(readable.pipeTo(stage.writable));
      ({ readable } = stage);
    }
    const { signal } = this.#abort;
    this.#watch(readable.pipeTo(this.#drain.writable, { ...prevent, signal }));
  }

  async step(step: Step): Promise<void> {
    this.#act(step);
    await settle();
  }

  /** Whether the last pipe was given up. */
  get isFailed(): boolean {
    return typeof this.#outcomes.at(-1) === "object";
  }

  /** The chunks that were enqueued, those before the pipe included. */
  get chunks(): number[] {
    const all = Array.from({ length: this.#earlier + this.#enqueued }, (_, index) => index);
    return all
      .map((index) => index - this.#earlier)
      .map((chunk) => (chunk < 0 ? chunk : chunk + 1));
  }

  get log(): readonly unknown[] {
    return this.#drain.log;
  }

  get outcomes(): readonly Outcome[] {
    return this.#outcomes;
  }

  /** Everything that can be seen from outside. */
  look(): unknown {
    const { log } = this.#drain;
    // Where the source has errored, Node may tell of a last write that failed instead.
    const isVague = REJECTS_LATE && this.#hasErrored;
    const outcomes = this.#outcomes.map((outcome) =>
      isVague && typeof outcome === "object" ? "rejected" : outcome,
    );
    return { log: [...log], cancels: [...this.#origin.cancels], outcomes };
  }

  #act(step: Step): void {
    // What our ends settle at once, the platform's settle after the write: not compared here.
    const isIdle = this.#held.length === 0;
    if (step === "stall") this.#isStalled = true;
    else if (step === "resume") {
      this.#isStalled = false;
      for (const release of this.#held.splice(0)) release();
    } else if (step === "release") this.#held.shift()?.();
    else if (step === "break") {
      if (isIdle) this.#drain.error(reasons["break"]);
    } else if (step === "abort") {
      if (isIdle) this.#abort.abort(reasons["abort"]);
    } else if (step === "error" && !isIdle && this.#earlier > 0) {
      // Aborts a sink at work on what the pipe did not write, and waits for nothing.
    } else if (step === "error" && !isIdle && this.#isRace) {
      // Chases what a stage has queued, and how far that comes differs from platform to platform.
    } else if (this.#isOpen && this.#origin.cancels.length === 0) this.#feed(step);
  }

  #feed(step: Step): void {
    if (typeof step === "number") {
      for (let left = step; left > 0; left--) {
        this.#origin.enqueue(++this.#enqueued);
      }
      return;
    }
    this.#isOpen = false;
    this.#hasErrored = step !== "close";
    if (this.#hasErrored) this.#origin.error(reasons["error"]);
    else this.#origin.close();
  }

  #watch(promise: Promise<unknown>): void {
    const index = this.#outcomes.push("pending") - 1;
    promise.then(
      () => {
        this.#outcomes[index] = "fulfilled";
      },
      (rejected: unknown) => {
        this.#outcomes[index] = { rejected };
      },
    );
  }
}
