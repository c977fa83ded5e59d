import { Fleet } from "../clients/fleet.ts";
import type { Crowd } from "../clients/protocol.ts";
import { serveBun } from "../servers/bun.ts";
import { timeRate } from "../servers/rate.ts";
import type { Server } from "../servers/server.ts";
import { warmUp } from "../warm-up.ts";
import type { Contender, Entry, Trial, Workload } from "../workload.ts";
import { prepareFrozen } from "./fanout/frozen.ts";
import { MESSAGE_BYTES } from "./fanout/message.ts";
import { paced, STEP } from "./fanout/paced.ts";

/** Serves any number of clients; a run is `count` bursts, each in a turn of its own. */
type Serve = (burst: number) => Promise<Server>;

/** To clients that say what they have read. */
const CREDITS = "spillway-credits";

/** Loaded when asked for: a peer that is not installed leaves the others alone. */
const publishers: Readonly<Record<string, Serve>> = {
  ws: async (burst) => (await import("./fanout/ws.ts")).ws(burst),
  "socket.io": async (burst) => (await import("./fanout/socket-io.ts")).socketIo(burst),
  "bun-publish": async (burst) => serveBun({ mode: "publish", messageBytes: MESSAGE_BYTES, burst }),
  "spillway-pump": async (burst) => (await import("./fanout/ours.ts")).spillwayPump(burst),
  [CREDITS]: async (burst) => (await import("./fanout/ours.ts")).spillwayPump(burst),
};

/** Those whose clients speak something else. */
const protocols: Readonly<Record<string, Crowd["speaks"]>> = {
  "socket.io": "socket.io",
  [CREDITS]: "spillway.v1",
};

const CLIENTS = 1000;
const variants = Object.keys(publishers);
const unfrozen = { frozen: "0%" };

/** One source, many clients: what a delivery costs, and what the frozen cost the others. */
export const fanout: Workload = {
  name: "fanout",
  title: "deliveries/s: 1 KiB messages in bursts to 1,000 clients, and with 10 % of them frozen",
  baseline: "ws",
  blocks: [
    ...[1, 16].map((burst) => ({ params: { clients: CLIENTS, burst }, variants })),
    {
      params: { clients: CLIENTS, burst: 64 },
      // A burst takes the loops more than a second, and tells nothing that those of 16 do not.
      variants: ["bun-publish", "spillway-pump", CREDITS],
    },
    {
      params: { clients: CLIENTS, burst: 16 },
      variants: Object.keys(publishers)
        .filter((variant) => variant !== CREDITS)
        .flatMap((variant): Entry[] => [
          { variant, params: unfrozen },
          { variant, params: { frozen: "10%" }, reference: unfrozen },
        ]),
    },
  ],
  async prepare({ variant, params, effort }: Contender): Promise<Trial> {
    const publish = publishers[variant];
    if (!publish) throw new Error(`Cannot find variant "${variant}"`);
    const clients = Number(params["clients"]);
    const burst = Number(params["burst"]);
    const frozen = params["frozen"];
    const server = await publish(burst);
    const isSocketIo = variant === "socket.io";
    const fleet = await Fleet.connect({
      port: server.port,
      clients,
      counts: "messages",
      speaks: protocols[variant],
      // 42["m","…"]: https://socket.io/docs/v4/socket-io-protocol/
      messageBytes: MESSAGE_BYTES + (isSocketIo ? 10 : 0),
      stampAt: frozen === undefined ? undefined : isSocketIo ? 8 : 0,
    });
    await fleet.report(STEP);
    const time = async (count: number): ReturnType<typeof timeRate> =>
      timeRate(server, fleet, count, {
        unit: "deliveries/s",
        each: burst,
        all: burst * clients,
        run: async (bursts) => paced(server, fleet, burst, bursts),
      });
    let burstMs = 0;
    const count = await warmUp(
      async (bursts) => {
        const { elapsedMs } = await time(bursts);
        burstMs = elapsedMs / bursts;
        return { elapsedMs };
      },
      { ...effort, warmUpMs: Math.min(effort.warmUpMs, 3 * effort.repMs) },
      1,
    );
    if (frozen === undefined) return { repeat: async () => [(await time(count)).measurement] };
    const share = Number.parseFloat(String(frozen)) / 100;
    return prepareFrozen(server, fleet, {
      effort,
      burst,
      burstMs,
      freeze: Math.round(clients * share),
    });
  },
};
