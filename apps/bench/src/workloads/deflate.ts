import { Fleet } from "../clients/fleet.ts";
import { timeRate } from "../servers/rate.ts";
import type { Server } from "../servers/server.ts";
import { warmUp } from "../warm-up.ts";
import type { Contender, Trial, Workload } from "../workload.ts";
import { json } from "./deflate/json.ts";
import { paced, STEP } from "./fanout/paced.ts";

/** Loaded when asked for: a peer that is not installed leaves the others alone. */
const publishers: Readonly<Record<string, (burst: number) => Promise<Server>>> = {
  ws: async (burst) => (await import("./deflate/ws.ts")).ws(burst),
  "spillway-pump": async (burst) => (await import("./deflate/ours.ts")).spillwayPump(burst),
};

const CLIENTS = 100;

/** One source, compressed: once for all, or once for each. */
export const deflate: Workload = {
  name: "deflate",
  title: "deliveries/s: 1 KiB of JSON to 100 clients with permessage-deflate",
  baseline: "ws",
  blocks: [1, 16].map((burst) => ({
    params: { clients: CLIENTS, burst },
    variants: Object.keys(publishers),
  })),
  async prepare({ variant, params, effort }: Contender): Promise<Trial> {
    const publish = publishers[variant];
    if (!publish) throw new Error(`Cannot find variant "${variant}"`);
    const burst = Number(params["burst"]);
    const server = await publish(burst);
    const clients = Number(params["clients"]);
    const { port } = server;
    const fleet = await Fleet.connect({ port, clients, counts: "messages", inflatesTo: json });
    await fleet.report(STEP);
    const time = async (count: number): ReturnType<typeof timeRate> =>
      timeRate(server, fleet, count, {
        unit: "deliveries/s",
        each: burst,
        all: burst * clients,
        run: async (bursts) => paced(server, fleet, burst, bursts),
      });
    const count = await warmUp(time, effort, 1);
    return { repeat: async () => [(await time(count)).measurement] };
  },
};
