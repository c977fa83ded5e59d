import type { Arrival } from "../clients/protocol.ts";
import type { Absence, Outcome } from "../measure.ts";
import type { Proof, ProofOptions } from "../proof.ts";
import { type Result, type ResultContext, summarise } from "../result.ts";
import type { Runtime } from "../runtimes.ts";
import { median, pairedRatio } from "../statistics.ts";
import type { Measurement } from "../workload.ts";
import { figure } from "../wording.ts";
import { growthOf, growthRows } from "./growth.ts";
import { MESSAGE_BYTES, PER_SECOND } from "./soak/message.ts";
import type { SoakSample } from "./soak/protocol.ts";
import { SoakService } from "./soak/service.ts";

const VARIANT = "spillway-pump";
const FULL = { clients: 1000, seconds: 300 };
const QUICK = { clients: 200, seconds: 40 };

const FROZEN_SHARE = 0.1;
/** Of the time: in the first everything is still finding its size. */
const PARTS = 5;
/** With frozen clients and without, in turns. */
const PAIRS = 5;
/** Each of a pair, of the time before: 20 s of five minutes. */
const PAIR_SHARE = 1 / 15;
/** What is offered at once, so that there is something to say now and then. */
const MAX_TURN_S = 20;

const MAX_GROWTH_BYTES = 10e6;
const MAX_GROWTH_SHARE = 0.05;
/** Age of what the healthy get, above what it is without frozen ones. */
const MAX_P99_RATIO = 1.25;
/** Less tells more of the machine than of us. */
const MIN_JUDGED_S = 10;
/** The mark, a batch and a message with its header. */
const MAX_HELD_BYTES = 65_536 + 65_536 + MESSAGE_BYTES + 4;
/** What a frozen one takes before it is full: 256 KiB; and then it has to stay so for 5 s. */
const FROZEN_AFTER_S = 262_144 / MESSAGE_BYTES / PER_SECOND + 10;

/** Frozen viewers cost memory that is bounded, and the others nothing. */
export const soak: Proof = {
  name: "soak",
  title: "a hub to 1,000 clients, 10 % of them frozen, for minutes: memory stays, the others too",
  variants: [VARIANT],
  steps({ isQuick, ...options }: ProofOptions) {
    const { clients, seconds } = isQuick ? QUICK : FULL;
    const all = options.clients ?? clients;
    const plan: Plan = { seconds: options.seconds ?? seconds, clients: all, ...shares(all) };
    const title = `${all} clients, ${plan.frozen} of them frozen`;
    return [{ title, run: async (...how) => prove(plan, ...how) }];
  },
};

interface Plan {
  readonly clients: number;
  readonly healthy: number;
  readonly frozen: number;
  readonly seconds: number;
}

function shares(clients: number): Pick<Plan, "healthy" | "frozen"> {
  const frozen = Math.ceil(clients * FROZEN_SHARE);
  return { healthy: clients - frozen, frozen };
}

async function prove(
  plan: Plan,
  runtime: Runtime,
  onProgress: (what: string) => void,
): Promise<Outcome> {
  const { clients, seconds } = plan;
  const context: ResultContext = {
    workload: "soak",
    variant: VARIANT,
    runtime: runtime.name,
    params: { clients, perSecond: PER_SECOND, seconds },
    baseline: "ws",
  };
  try {
    const samples: SoakSample[] = [];
    const crowded = await SoakService.start(plan, runtime, (sample) => samples.push(sample));
    try {
      samples.length = 0;
      const soaked = await soakFor(crowded, seconds, onProgress);
      const lasting = judgeLasting(context, plan, samples.slice());
      const pairs = await compare(plan, crowded, runtime, onProgress);
      const fairness = judgeFairness(context, plan, soaked, pairs);
      return {
        results: [...lasting.results, ...fairness.results],
        missing: [],
        failed: [...lasting.failed, ...fairness.failed],
      };
    } finally {
      await crowded.close();
    }
  } catch (error) {
    const why = (error as Error).message;
    return { results: [], missing: [], failed: [{ variant: VARIANT, why }] };
  }
}

/** @returns the ages, turn by turn */
async function soakFor(
  service: SoakService,
  seconds: number,
  onProgress: (what: string) => void,
): Promise<Arrival[]> {
  const turns = Math.ceil(seconds / MAX_TURN_S);
  const ages: Arrival[] = [];
  for (let turn = 0; turn < turns; turn++) {
    onProgress(`${Math.round((turn * seconds) / turns)} of ${seconds} s`);
    ages.push(await service.offer(seconds / turns));
  }
  return ages;
}

/** As many healthy ones with and without the frozen, in turns. */
interface Pairs {
  readonly seconds: number;
  readonly crowded: readonly Arrival[];
  readonly free: readonly Arrival[];
}

async function compare(
  { healthy, seconds }: Plan,
  crowded: SoakService,
  runtime: Runtime,
  onProgress: (what: string) => void,
): Promise<Pairs> {
  const pairSeconds = seconds * PAIR_SHARE;
  const pairs = { seconds: pairSeconds, crowded: [] as Arrival[], free: [] as Arrival[] };
  const free = await SoakService.start({ healthy, frozen: 0 }, runtime);
  try {
    // The other one has long been warm.
    await free.offer(pairSeconds);
    for (let pair = 1; pair <= PAIRS; pair++) {
      onProgress(`pair ${pair} of ${PAIRS}`);
      const offerCrowded = async (): Promise<unknown> =>
        pairs.crowded.push(await crowded.offer(pairSeconds));
      // Neither is always the first.
      if (pair % 2 === 0) await offerCrowded();
      pairs.free.push(await free.offer(pairSeconds));
      if (pair % 2 === 1) await offerCrowded();
    }
  } finally {
    await free.close();
  }
  return pairs;
}

type Judgement = Pick<Outcome, "results" | "failed">;

/** Memory stays as it is, and the frozen stay frozen. */
function judgeLasting(
  context: ResultContext,
  { clients, frozen, seconds }: Plan,
  samples: readonly SoakSample[],
): Judgement {
  const growth = growthOf(
    samples.map(({ rssBytes }) => rssBytes),
    PARTS,
  );
  const share = { frozen: percent(frozen, clients) };
  const held = samples.map(({ heldBytes }) => heldBytes);
  const results: Result[] = [
    ...growthRows(context, growth, 0, { ...share, memory: "rss" }),
    ...summarise(
      context,
      held.map((bytes) => [
        { unit: "KiB/connection", value: bytes / 1024, params: { ...share, held: "most" } },
      ]),
    ),
  ];

  const failed: Absence[] = [];
  const fail = (why: string): unknown => failed.push({ variant: VARIANT, why });
  const allowed = Math.max(MAX_GROWTH_BYTES, MAX_GROWTH_SHARE * median(growth.early));
  if (growth.grown > allowed) {
    const [grown, most] = [growth.grown, allowed].map((bytes) => figure(bytes / 1e6));
    fail(`what is resident grew by ${grown} MB since its second part, at most ${most} MB may`);
  }
  const most = Math.max(...held);
  if (most > MAX_HELD_BYTES) {
    fail(`a connection held ${most} bytes, at most ${MAX_HELD_BYTES} are allowed`);
  }
  const last = samples.at(-1);
  if (last?.connections !== clients) {
    fail(`${last?.connections} connections were left of ${clients}`);
  }
  if (seconds >= FROZEN_AFTER_S && last?.frozen !== frozen) {
    fail(`${last?.frozen} connections count as frozen at the end, ${frozen} are`);
  }
  return { results, failed };
}

/** The healthy do not notice the frozen. */
function judgeFairness(
  context: ResultContext,
  { clients, frozen }: Plan,
  soaked: readonly Arrival[],
  { seconds, crowded, free }: Pairs,
): Judgement {
  const without = p99Rows("0%", free, "pairs");
  const withThem = p99Rows(percent(frozen, clients), crowded, "pairs");
  const results = [
    ...summarise(context, p99Rows(percent(frozen, clients), soaked, "soak")),
    ...summarise(context, without),
    ...summarise(context, withThem, { reference: without }),
  ];
  const [theirs, ours] = [crowded, free].map((ages) => ages.map(({ p99 }) => p99));
  const ratio = pairedRatio(theirs ?? [], ours ?? []);
  if (seconds < MIN_JUDGED_S || ratio <= MAX_P99_RATIO) return { results, failed: [] };
  const why = `the frozen cost the others ${figure(ratio)}× in age (p99), at most ${MAX_P99_RATIO}× is allowed`;
  return { results, failed: [{ variant: VARIANT, why }] };
}

function p99Rows(
  frozen: string,
  ages: readonly Arrival[],
  of: "pairs" | "soak",
): (readonly Measurement[])[] {
  return ages.map(({ p99 }) => [{ unit: "s", value: p99, params: { quantile: 0.99, of, frozen } }]);
}

function percent(part: number, all: number): string {
  return `${Math.round((100 * part) / all)}%`;
}
