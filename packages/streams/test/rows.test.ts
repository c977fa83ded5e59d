import { settle } from "@spillway/testing";
import * as fc from "fast-check";
import { expect, test, vi } from "vitest";
import { filter, fromEvents, fromIterable, map, sink, tap } from "../src/index.ts";
import { pumped } from "../src/internal/pump.ts";

/**
 * Chunks are carried through a row of stages in one loop, but for stages that measure them. So a row
 * that measures every chunk as 1 shows what has to happen, whatever user code does within.
 */

// A turn that is over, on a busy machine, lets others run in between, in one of two runs.
vi.mock("../src/internal/turn.ts", () => ({ isTurnOver: () => false, afterTurn: () => {} }));

/** Milliseconds one property may take on a busy machine; it takes some seconds. */
const LIMIT_MS = 120_000;

const kinds = ["map", "filter", "tap"] as const;

const action = fc.constantFrom(
  "throw",
  "promise",
  "late failure",
  "abort a pipe",
  "dispatch",
  "end the source",
  "fail the sink",
);
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

const stage: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...kinds),
  highWaterMark: fc.constantFrom(undefined, 0, 1, 2),
  concurrency: fc.constantFrom(1, 1, 3),
});

const plans: fc.Arbitrary<Plan> = fc.record({
  stages: fc.array(stage, { minLength: 1, maxLength: 4 }),
  /** What happens at which call of user code, all of them counted together. */
  actions: fc.array(fc.tuple(fc.nat(40), action), { maxLength: 3 }),
  bursts: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
  /** Whether each n-th write takes until later. */
  slowWrites: fc.constantFrom(0, 0, 1, 2, 3),
  preventCancel: fc.boolean(),
});

interface Plan {
  readonly stages: readonly Step[];
  readonly actions: readonly (readonly [at: number, Action])[];
  readonly bursts: readonly number[];
  readonly slowWrites: number;
  readonly preventCancel: boolean;
}

interface Step {
  readonly kind: (typeof kinds)[number];
  readonly highWaterMark?: number | undefined;
  readonly concurrency: number;
}

/** A source that goes on within a write, which no row has begun. */
const RESUMED: Plan = {
  stages: [{ kind: "map", concurrency: 3 }],
  actions: [
    [0, "promise"],
    [1, "dispatch"],
  ],
  bursts: [1],
  slowWrites: 1,
  preventCancel: false,
};

/** Chunks come while the pump behind a stage is full, and the stage may keep one more. */
const FULL_BEHIND_ROOM: Plan = {
  stages: [
    { kind: "map", concurrency: 1 },
    { kind: "map", concurrency: 1 },
    { kind: "filter", highWaterMark: 1, concurrency: 1 },
    { kind: "map", concurrency: 1 },
  ],
  actions: [[37, "promise"]],
  bursts: [4, 6, 5, 1],
  slowWrites: 2,
  preventCancel: false,
};

class Source extends EventTarget {
  #next = 0;

  dispatch(): void {
    this.dispatchEvent(new CustomEvent("chunk", { detail: this.#next++ }));
  }

  end(): void {
    this.dispatchEvent(new Event("end"));
  }
}

function signalOf(aborters: readonly AbortController[], at: number): { signal: AbortSignal } {
  return { signal: (aborters[at] as AbortController).signal };
}

async function run(plan: Plan, isMeasured: boolean): Promise<string[]> {
  const log: string[] = [];
  const source = new Source();
  const aborters = Array.from({ length: plan.stages.length + 1 }, () => new AbortController());
  let controller: WritableStreamDefaultController | undefined;
  let calls = 0;
  let waiting: (() => void)[] = [];
  const later = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));

  const act = (todo: Action): Promise<void> | undefined => {
    log.push(todo);
    switch (todo) {
      case "throw": {
        throw new Error(todo);
      }
      case "promise": {
        return later();
      }
      case "late failure": {
        return later().then(() => Promise.reject(new Error(todo)));
      }
      case "abort a pipe": {
        aborters[calls % aborters.length]?.abort(new Error(todo));
        break;
      }
      case "dispatch": {
        source.dispatch();
        break;
      }
      case "end the source": {
        source.end();
        break;
      }
      case "fail the sink": {
        controller?.error(new Error(todo));
        break;
      }
      default: {
        todo satisfies never;
      }
    }
    return undefined;
  };

  const call = (who: string, chunk: number): Promise<void> | undefined => {
    log.push(`${who}: ${chunk}`);
    const promises = plan.actions
      .filter(([at]) => at === calls)
      .map(
        ([, todo]) =>
          () =>
            act(todo),
      );
    calls++;
    let promise: Promise<void> | undefined;
    for (const begin of promises) {
      const begun = begin();
      begun?.catch(() => {});
      promise ??= begun;
    }
    return promise;
  };

  let { readable } = fromEvents<CustomEvent<number>, number>(source, "chunk", {
    map: ({ detail }) => detail,
    closeType: "end",
    highWaterMark: 8,
  });
  for (const [at, { kind, highWaterMark, concurrency }] of plan.stages.entries()) {
    const options = {
      concurrency,
      ...(isMeasured && { writableStrategy: { highWaterMark: 1, size: () => 1 } }),
      ...(highWaterMark !== undefined && { readableStrategy: { highWaterMark } }),
    };
    const work = <R>(chunk: number, result: R): R | Promise<R> =>
      call(`${kind} ${at}`, chunk)?.then(() => result) ?? result;
    const made =
      kind === "map"
        ? map((chunk: number) => work(chunk, chunk), options)
        : kind === "tap"
          ? tap<number>((chunk) => work(chunk, undefined), options)
          : filter<number>((chunk) => work(chunk, chunk % 3 !== at), options);
    readable = readable.pipeThrough(made, signalOf(aborters, at));
  }
  let writes = 0;
  const destination = sink<number>({
    start: (given) => {
      controller = given;
    },
    write: (chunk) => {
      const promise = call("write", chunk);
      const isSlow = plan.slowWrites > 0 && ++writes % plan.slowWrites === 0;
      return promise ?? (isSlow ? later() : undefined);
    },
    close: () => void log.push("close"),
    abort: (reason) => void log.push(`abort: ${String(reason)}`),
  });
  const { preventCancel } = plan;
  const last = signalOf(aborters, plan.stages.length);
  readable.pipeTo(destination, { ...last, preventCancel }).then(
    () => log.push("piped"),
    (reason: unknown) => log.push(`not piped: ${String(reason)}`),
  );

  const resume = async (): Promise<void> => {
    const resolves = waiting;
    waiting = [];
    for (const resolve of resolves) resolve();
    await settle();
    log.push("--");
  };
  for (const burst of plan.bursts) {
    for (let left = burst; left > 0; left--) source.dispatch();
    await settle();
    await resume();
  }
  source.end();
  // Each of them may wait once, at each stage.
  for (let left = 200; left > 0 && (waiting.length > 0 || left > 198); left--) await resume();
  expect(waiting).toEqual([]);
  return log;
}

test("a row of stages does what its stages do, in order", { timeout: LIMIT_MS }, async () => {
  const property = fc.asyncProperty(plans, async (plan) => {
    const [reference, ours] = [await run(plan, true), await run(plan, false)];
    expect(ours).toEqual(reference);
    for (const who of new Set(ours.map((line) => line.split(":")[0] as string))) {
      const chunks = ours.flatMap((line) => line.match(new RegExp(`^${who}: (\\d+)$`))?.[1] ?? []);
      expect(chunks.map(Number)).toEqual(chunks.map(Number).toSorted((a, b) => a - b));
    }
  });
  await fc.assert(property, {
    numRuns: 2000,
    includeErrorInReport: true,
    examples: [[RESUMED], [FULL_BEHIND_ROOM]],
  });
});

test("every step of a row is counted as pumped", async () => {
  const before = pumped();
  const stages: Step[] = Array.from({ length: 3 }, () => ({ kind: "map", concurrency: 1 }));
  const plan = { stages, actions: [], bursts: [6], slowWrites: 0, preventCancel: false };
  const log = await run(plan, false);
  expect(log.at(-1)).toBe("--");
  expect(log.filter((line) => line.startsWith("write"))).toHaveLength(6);
  expect(pumped() - before).toBe(6 * 4);
});

test.each([0, 1, 2])("a stage works ahead by its mark of %i, and no further", async (ahead) => {
  let made = 0;
  let resume: (() => void) | undefined;
  const piped = fromIterable([0, 1, 2, 3, 4, 5, 6, 7])
    .pipeThrough(map((chunk) => [made++, chunk], { readableStrategy: { highWaterMark: ahead } }))
    .pipeTo(
      sink({
        write: () =>
          new Promise<void>((resolve) => {
            resume = resolve;
          }),
      }),
    );
  for (let written = 0; written < 8; written++) {
    await settle();
    expect(made).toBe(Math.min(8, written + 1 + ahead));
    resume?.();
  }
  await piped;
});
