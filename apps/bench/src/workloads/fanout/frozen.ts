import type { Fleet } from "../../clients/fleet.ts";
import { megabytesAbove, type Server } from "../../servers/server.ts";
import type { Effort, Trial } from "../../workload.ts";

/** What is offered, of what the variant can do. */
const LOAD = 0.4;
/** All repetitions together, when there is time. */
const FULL_MS = 60_000;
const FULL_REP_MS = 500;
const SAMPLE_MS = 20;

interface FrozenOptions {
  readonly effort: Effort;
  readonly burst: number;
  /** What a burst takes flat out. */
  readonly burstMs: number;
  /** Clients that stop reading, once and for all repetitions. */
  readonly freeze: number;
}

/** Offers a steady load to clients of whom some read nothing; looks at memory and at the others. */
export async function prepareFrozen(
  server: Server,
  fleet: Fleet,
  { effort, burst, burstMs, freeze }: FrozenOptions,
): Promise<Trial> {
  const { reps, repMs } = effort;
  const offeredMs = repMs < FULL_REP_MS ? 2 * repMs : FULL_MS / reps;
  const everyMs = burstMs / LOAD;
  const bursts = Math.max(1, Math.round(offeredMs / everyMs));
  const { rssBytes } = await server.gauge.memory();
  let isFrozen = false;
  return {
    async repeat() {
      if (!isFrozen) await fleet.freeze(freeze);
      isFrozen = true;
      await server.gauge.start(SAMPLE_MS);
      const { p99 } = await fleet.take(bursts * burst, async () => steady(server, bursts, everyMs));
      const { peakRssBytes } = await server.gauge.stop();
      return [
        { unit: "s", value: p99, params: { quantile: 0.99 } },
        { unit: "MB", value: megabytesAbove(rssBytes, peakRssBytes) },
      ];
    },
  };
}

/** By the clock, whatever becomes of it. */
async function steady(server: Server, bursts: number, everyMs: number): Promise<void> {
  const startedAt = performance.now();
  for (let done = 0; done < bursts; done++) {
    const early = startedAt + done * everyMs - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    await server.run(1);
  }
}
