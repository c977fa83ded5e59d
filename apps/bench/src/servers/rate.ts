import type { Fleet } from "../clients/fleet.ts";
import type { Measurement, Unit } from "../workload.ts";
import type { Server } from "./server.ts";

/** What one run makes of every `count` that is asked for. */
export interface RateOptions {
  readonly unit: Unit;
  /** What each client gets of it, in what its crowd counts. */
  readonly each: number;
  /** What is counted for all clients together. */
  readonly all: number;
  /** Runs `count`; `server.run()` unless something has to be minded meanwhile. */
  readonly run?: ((count: number) => Promise<void>) | undefined;
}

/** Runs `count` and waits until all of it has arrived. */
export async function timeRate(
  server: Server,
  fleet: Fleet,
  count: number,
  { unit, each, all, run }: RateOptions,
): Promise<{ elapsedMs: number; measurement: Measurement }> {
  await server.gauge.start(0);
  const { seconds } = await fleet.take(count * each, async () =>
    run ? run(count) : server.run(count),
  );
  const { cpuSeconds } = await server.gauge.stop();
  const total = count * all;
  return {
    elapsedMs: seconds * 1000,
    measurement: { unit, value: total / seconds, cpuPerMillion: (cpuSeconds * 1e6) / total },
  };
}
