import { writeFile } from "node:fs/promises";
import { cpus, platform, release } from "node:os";
import { readArguments, type Request, USAGE, UsageError } from "./arguments.ts";
import { type Absence, measureBlock, type Outcome } from "./measure.ts";
import { checkKnown, planOf } from "./plan.ts";
import { Progress } from "./progress.ts";
import { proofs } from "./proofs.ts";
import { findRuntimes } from "./runtimes.ts";
import { StatusLine } from "./status-line.ts";
import { tables } from "./table.ts";
import { describeParams } from "./wording.ts";
import { workloads } from "./workloads.ts";

type MeasureRequest = Extract<Request, { kind: "measure" }>;
type ProofRequest = Extract<Request, { kind: "prove" }>;

async function main(): Promise<void> {
  const request = readArguments(process.argv.slice(2), Object.keys(workloads), Object.keys(proofs));
  switch (request.kind) {
    case "help": {
      console.log(`${USAGE}\n\nWorkloads:`);
      for (const load of Object.values(workloads)) {
        const { name, title } = await load();
        console.log(`  ${name.padEnd(20)}  ${title}`);
      }
      console.log("\nProofs:");
      for (const load of Object.values(proofs)) {
        const { name, title } = await load();
        console.log(`  ${name.padEnd(20)}  ${title}`);
      }
      return;
    }
    case "chart": {
      // A chart library has no business in a process that measures.
      const { drawCharts } = await import("./chart.ts");
      for (const file of await drawCharts(request.results, request.folder)) console.log(file);
      return;
    }
    case "trace-chart": {
      const { drawTrace } = await import("./trace-chart.ts");
      await drawTrace(request.trace, request.file);
      console.log(request.file);
      return;
    }
    case "prove":
      return prove(request);
    case "measure":
      return measure(request);
  }
}

async function measure({ effort, json, trace, ...request }: MeasureRequest): Promise<void> {
  const loaded = await Promise.all(request.workloads.map(async (name) => workloads[name]?.()));
  const chosen = loaded.filter((workload) => workload !== undefined);
  const plan = planOf(chosen, request);
  const silent = chosen.find(({ canTrace = false }) => !canTrace);
  if (trace !== undefined && silent) throw new UsageError(`${silent.name} writes no trace`);
  const runtimes = await findRuntimes(request.runtimes, (wanted, why) =>
    console.error(`Missing runtime ${wanted}: ${why}`),
  );
  if (runtimes.length === 0) throw new UsageError("None of the runtimes can run");
  const contenders = plan.reduce((sum, { block }) => sum + block.variants.length, 0);
  if (trace !== undefined) await writeFile(trace, "");
  const progress = new Progress(effort, contenders * runtimes.length);
  if (!json) console.log(`${machine()}\n`);
  for (const { workload, block } of plan) {
    for (const runtime of runtimes) {
      const parts = [workload.name, runtime.name, describeParams(block.params)];
      const title = parts.filter(Boolean).join(", ");
      progress.start(title, block.variants.length);
      const outcome = await measureBlock(workload, block, runtime, { effort, trace }, progress);
      progress.clear();
      print(outcome, title, json);
    }
  }
}

async function prove({ proof, options, json }: ProofRequest): Promise<void> {
  const found = await proofs[proof]?.();
  const [runtime] = await findRuntimes(["current"], () => {});
  if (!found || !runtime) throw new UsageError(`Cannot run ${proof}`);
  checkKnown("variant", options.only, found.variants);
  if (!json) console.log(`${machine()}\n`);
  const status = new StatusLine();
  for (const step of found.steps(options)) {
    const title = `${proof}, ${runtime.name}, ${step.title}`;
    status.begin(title);
    const outcome = await step.run(runtime, (what) => status.show(`${title}: ${what}`));
    status.clear();
    print(outcome, title, json);
  }
}

function print(outcome: Outcome, title: string, json: boolean): void {
  if (!json) console.log(outcome.lines?.join("\n") ?? tables(outcome.results));
  else for (const result of outcome.results) console.log(JSON.stringify(result));
  report("missing", title, outcome.missing);
  report("failed", title, outcome.failed);
  if (outcome.failed.length > 0) process.exitCode = 1;
}

function report(what: string, title: string, absences: readonly Absence[]): void {
  for (const { variant, why } of absences) console.error(`${title}: ${variant} ${what}: ${why}`);
}

function machine(): string {
  const all = cpus();
  return `${all.length} × ${all[0]?.model.trim() ?? "unknown CPU"}, ${platform()} ${release()}`;
}

// Whoever reads has seen enough, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
