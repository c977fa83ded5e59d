import type { Fleet } from "../../clients/fleet.ts";
import type { Server } from "../../servers/server.ts";

/** How often the clients say what they have got, in messages for each. */
export const STEP = 8;
/** Messages that may be on their way to each client: less than any queue here can hold. */
const MAX_AHEAD = 128;
/** Messages published between two looks. */
const STRIDE = 32;

/**
 * Publishes as fast as the slowest client takes it. Nothing that publishes has backpressure, so
 * without that all would measure how fast a queue fills.
 */
export async function paced(
  server: Server,
  fleet: Fleet,
  burst: number,
  bursts: number,
): Promise<void> {
  const stride = Math.max(1, Math.floor(STRIDE / burst));
  for (let done = 0; done < bursts; done += stride) {
    const next = Math.min(stride, bursts - done);
    await fleet.got((done + next) * burst - MAX_AHEAD);
    await server.run(next);
  }
}
