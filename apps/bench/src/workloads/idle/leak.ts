import type { Fleet } from "../../clients/fleet.ts";
import type { Server } from "../../servers/server.ts";
import type { Effort, Trial } from "../../workload.ts";

/** What may stay, of what was resident before. */
const MAX_GROWTH = 1.05;
const FULL_REP_MS = 500;

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
  // At first the heap grows to the size that so many need, which is no leak.
  await comeAndGo();
  const before = await comeAndGo();
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
