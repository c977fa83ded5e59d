import type { Fleet } from "../../clients/fleet.ts";
import type { Server } from "../../servers/server.ts";
import type { Effort, Trial } from "../../workload.ts";

/** What may stay, of what was resident before. */
const MAX_GROWTH = 1.05;
const FULL_REP_MS = 500;
/** Rounds in which the heap may grow to the size that so many need, which is no leak. */
const MAX_ROUNDS = 12;
/** It grows in steps: so many rounds without one, and it has settled. */
const CALM_ROUNDS = 3;
/** Of what was resident, what a round without a step may add. */
const SETTLED = 1.01;

/** Opens `clients` connections and closes them; all that they took has to come back. */
export async function prepareLeak(
  server: Server,
  fleet: Fleet,
  clients: number,
  { reps, repMs }: Effort,
): Promise<Trial> {
  // When there is little time, as many come and go in all repetitions together; the rows tell.
  const atOnce = repMs < FULL_REP_MS ? Math.ceil(clients / reps) : clients;
  const comeAndGo = async (): Promise<number> => {
    await fleet.join(atOnce);
    await fleet.goodbye();
    return (await server.gauge.memory()).rssBytes;
  };
  const before = await settled(comeAndGo);
  return {
    async repeat() {
      const after = await comeAndGo();
      if (after > before * MAX_GROWTH) {
        const [was, is] = [before, after].map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`);
        throw new Error(`Cannot call this closed: ${was} were resident before, ${is} are now`);
      }
      return [{ unit: "MB", value: after / 1e6, params: { atOnce } }];
    },
  };
}

/** Goes on until nothing is added to speak of. What never settles goes on growing when it is looked at. */
async function settled(comeAndGo: () => Promise<number>): Promise<number> {
  let most = await comeAndGo();
  let calm = 0;
  for (let round = 0; round < MAX_ROUNDS && calm < CALM_ROUNDS; round++) {
    const after = await comeAndGo();
    calm = after < most * SETTLED ? calm + 1 : 0;
    most = Math.max(most, after);
  }
  return most;
}
