import { MissingPeer } from "../contender.ts";
import type { Outcome } from "../measure.ts";
import type { Proof, ProofOptions } from "../proof.ts";
import { type ResultContext, summarise } from "../result.ts";
import type { Runtime } from "../runtimes.ts";
import type { Params } from "../workload.ts";
import { figure } from "../wording.ts";
import { growthOf, growthRows } from "./growth.ts";
import type { Deflate, Sample } from "./integrity/protocol.ts";
import { receivers } from "./integrity/receivers.ts";
import { type Transfer, transfer } from "./integrity/transfer.ts";

/** One transfer: to whom, how, and how much. */
interface Case {
  readonly variant: string;
  readonly deflate: Deflate;
  readonly megabytes: number;
  readonly quickMegabytes: number;
}

const MUCH = { megabytes: 1000, quickMegabytes: 50 };
const SOME = { megabytes: 200, quickMegabytes: 20 };

const cases: readonly Case[] = [
  { variant: "node", deflate: "off", ...MUCH },
  { variant: "node", deflate: "on", ...MUCH },
  { variant: "node", deflate: "shared", ...SOME },
  // websocket-client knows no compression.
  { variant: "python", deflate: "off", ...SOME },
  { variant: "bun", deflate: "off", ...SOME },
  { variant: "bun", deflate: "on", ...SOME },
  { variant: "chromium", deflate: "off", ...SOME },
  { variant: "chromium", deflate: "on", ...SOME },
];

/** The second quarter is compared with the last. */
const PARTS = 4;
const MAX_GROWTH_BYTES = 16e6;
/** Whatever is written arrives: all of it, in order, unchanged, and without piling up. */
export const integrity: Proof = {
  name: "integrity",
  title: "a gigabyte of random messages to receivers of random speed arrives as it was sent",
  variants: Object.keys(receivers),
  steps: (options) =>
    cases
      .filter(({ variant }) => options.only.length === 0 || options.only.includes(variant))
      .map((each) => ({
        title: `${each.variant}, deflate = ${each.deflate}, seed = ${options.seed}`,
        run: async (runtime, onProgress) => prove(each, options, runtime, onProgress),
      })),
};

async function prove(
  { variant, deflate, ...sizes }: Case,
  { isQuick, seed, ...options }: ProofOptions,
  runtime: Runtime,
  onProgress: (what: string) => void,
): Promise<Outcome> {
  const start = receivers[variant];
  if (!start) throw new Error(`Cannot find variant "${variant}"`);
  const megabytes = options.megabytes ?? (isQuick ? sizes.quickMegabytes : sizes.megabytes);
  const job = { seed, bytes: megabytes * 1e6, deflate };
  try {
    const transferred = await transfer(job, start, runtime, ({ bytes, seconds }) =>
      onProgress(progress(bytes, job.bytes, seconds)),
    );
    const params = { deflate, megabytes, seed, receiver: transferred.receiver };
    return judge(transferred, variant, runtime, params);
  } catch (error) {
    const why = { variant: `${variant} (deflate = ${deflate})`, why: (error as Error).message };
    const isMissing = error instanceof MissingPeer;
    return { results: [], missing: isMissing ? [why] : [], failed: isMissing ? [] : [why] };
  }
}

/** It has arrived; whether the sender stayed as it was is another matter. */
function judge({ samples }: Transfer, variant: string, runtime: Runtime, params: Params): Outcome {
  const context: ResultContext = {
    workload: "integrity",
    variant,
    runtime: runtime.name,
    params,
    baseline: "ws",
  };
  const rates = samples.slice(1).map((sample, before) => rateSince(samples[before], sample));
  const results = summarise(
    context,
    rates.map((value) => [{ unit: "MB/s", value }]),
  );
  const failed: { variant: string; why: string }[] = [];
  for (const memory of ["heap", "rss"] as const) {
    const of = ({ heapBytes, rssBytes }: Sample): number =>
      memory === "heap" ? heapBytes : rssBytes;
    const [first, ...rest] = samples.map(of);
    const growth = growthOf(rest, PARTS);
    results.push(...growthRows(context, growth, first ?? 0, { memory }));
    if (growth.grown <= MAX_GROWTH_BYTES) continue;
    const [grown, most] = [growth.grown, MAX_GROWTH_BYTES].map((bytes) => figure(bytes / 1e6));
    const why = `its ${memory} grew by ${grown} MB since the second quarter, at most ${most} MB are allowed`;
    failed.push({ variant: `${variant} (deflate = ${params["deflate"]})`, why });
  }
  return { results, missing: [], failed };
}

function rateSince(before: Sample | undefined, { bytes, seconds }: Sample): number {
  return (bytes - (before?.bytes ?? 0)) / 1e6 / (seconds - (before?.seconds ?? 0));
}

function progress(bytes: number, all: number, seconds: number): string {
  const share = Math.max(bytes, 1) / all;
  const left = Math.max(0, seconds / share - seconds);
  const [done, wanted] = [bytes, all].map((each) => figure(Math.round(each / 1e6)));
  return `${done} of ${wanted} MB, about ${Math.ceil(left)} s left`;
}
