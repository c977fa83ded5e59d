import { settle } from "@spillway/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { failure } from "./rig.ts";
import { comparable, flows, mixed, type Plan, Run, type Step, steps } from "./script.ts";

/** Milliseconds one property may take on a busy machine; it takes some seconds. */
const LIMIT_MS = 120_000;
const plain: Omit<Plan, "stages"> = {
  from: "end",
  highWaterMark: 2,
  isSized: false,
  preventAbort: false,
  preventCancel: false,
  preventClose: false,
  earlier: 0,
};
const OPTIONS = { numRuns: 300, includeErrorInReport: true };

describe("any pipe, whatever happens to it", () => {
  test("does what the platform's pipe does, step by step", { timeout: LIMIT_MS }, async () => {
    const property = fc.asyncProperty(comparable, steps, async (plan, script) => {
      const [reference, ours] = [new Run(false, plan), new Run(true, plan)];
      await settle();
      for (const step of [...script, "resume", "close"] satisfies Step[]) {
        await Promise.all([reference.step(step), ours.step(step)]);
        expect(ours.look()).toEqual(reference.look());
        // The platform's has asked its source for one chunk more, which then waits in its queue.
        if (plan.preventCancel && ours.isFailed) return;
      }
    });
    await fc.assert(property, OPTIONS);
  });
});

describe("an error that chases what stages have queued", () => {
  test.each([1, 5, 9, 13])("discards no more of %d chunks than the platform's", async (chunks) => {
    const kinds = ["sync", "marked", "async", "marked", "sync"] as const;
    const plan = { ...plain, stages: kinds.map((kind) => ({ kind, isForeign: false })) };
    const [reference, ours] = [new Run(false, plan), new Run(true, plan)];
    for (const run of [reference, ours]) {
      for (const step of ["stall", chunks, "error anyway", "resume"] satisfies Step[])
        await run.step(step);
      const written = run.chunks.slice(0, run.log.length - 1);
      expect(run.log).toEqual([...written, { aborted: failure("error") }]);
    }
    expect(ours.log.length).toBeGreaterThanOrEqual(reference.log.length);
  });
});

describe("any pipe of our stages and the platform's", () => {
  test("gives everything, in order, and settles", { timeout: LIMIT_MS }, async () => {
    const property = fc.asyncProperty(mixed, flows, async (plan, script) => {
      const run = new Run(true, plan);
      for (const step of [...script, "resume", "close"] satisfies Step[]) await run.step(step);
      const close = plan.preventClose ? [] : ["close"];
      expect(run.log).toEqual([...run.chunks, ...close]);
      expect(new Set(run.outcomes)).toEqual(new Set(["fulfilled"]));
    });
    await fc.assert(property, OPTIONS);
  });
});
