import { describe, expect, inject, test } from "vitest";
import { disagreements } from "./disagreement.ts";
import type { CaseResult } from "./case-result.ts";
import type { Job } from "./job.ts";

/** Gives everything that the worker says. */
async function run(job: Job): Promise<CaseResult[]> {
  const worker = new Worker(new URL("worker.ts", import.meta.url), { type: "module" });
  const results: CaseResult[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      worker.addEventListener("error", ({ message }) => reject(new Error(message)));
      worker.addEventListener("message", ({ data }: MessageEvent<CaseResult | "done">) => {
        if (data === "done") resolve();
        else results.push(data);
      });
      worker.postMessage(job, []);
    });
  } finally {
    worker.terminate();
  }
  return results;
}

describe.runIf("document" in globalThis)("WebSocketStream in a worker", () => {
  test.each(["auto", "off"] as const)(
    "does what the proposal says, credits: %s",
    { timeout: 120_000 },
    async (credits) => {
      expect(disagreements(await run({ url: inject("proposalServer"), credits }))).toEqual([]);
    },
  );
});
