import { Fleet } from "../clients/fleet.ts";
import { timeRate } from "../servers/rate.ts";
import type { Server } from "../servers/server.ts";
import { warmUp } from "../warm-up.ts";
import type { Contender, Trial, Workload } from "../workload.ts";
import { json } from "./deflate/json.ts";
import { paced, STEP } from "./fanout/paced.ts";

/** Loaded when asked for: a peer that is not installed leaves the others alone. */
const publishers: Readonly<Record<string, () => Promise<Server>>> = {
  ws: async () => (await import("./deflate/ws.ts")).ws(),
  "spillway-pump": async () => (await import("./deflate/ours.ts")).spillwayPump(),
};

const CLIENTS = 100;

/** One source, compressed: once for all, or once for each. */
export const deflate: Workload = {
  name: "deflate",
  title: "deliveries/s: 1 KiB of JSON to 100 clients with permessage-deflate",
  baseline: "ws",
  blocks: [{ params: { clients: CLIENTS }, variants: Object.keys(publishers) }],
  async prepare({ variant, params, effort }: Contender): Promise<Trial> {
    const publish = publishers[variant];
    if (!publish) throw new Error(`Cannot find variant "${variant}"`);
    const server = await publish();
    const clients = Number(params["clients"]);
    const { port } = server;
    const fleet = await Fleet.connect({ port, clients, counts: "messages", inflatesTo: json });
    await fleet.report(STEP);
    const time = async (count: number): ReturnType<typeof timeRate> =>
      timeRate(server, fleet, count, {
        unit: "deliveries/s",
        each: 1,
        all: clients,
        run: async (messages) => paced(server, fleet, 1, messages),
      });
    const count = await warmUp(time, effort, 1);
    return { repeat: async () => [(await time(count)).measurement] };
  },
};
