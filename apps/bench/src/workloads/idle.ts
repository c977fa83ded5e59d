import { Fleet } from "../clients/fleet.ts";
import { serveBun } from "../servers/bun.ts";
import type { Server } from "../servers/server.ts";
import type { Contender, Params, Trial, Workload } from "../workload.ts";
import { prepareLeak } from "./idle/leak.ts";

/** Serves any number of clients, and sends them nothing. */
type Serve = (params: Params) => Promise<Server>;

/** Loaded when asked for: a peer that is not installed leaves the others alone. */
const servers: Readonly<Record<string, Serve>> = {
  net: async () => (await import("./idle/peers.ts")).net(),
  ws: async () => (await import("./idle/peers.ts")).ws(),
  bun: async () => serveBun({ mode: "idle", messageBytes: 0 }),
  spillway: async ({ touched }) => (await import("./idle/ours.ts")).spillway(touched),
};

/** Opened before anything is measured: tables that grow, code that is compiled. */
const WARM_UP_CLIENTS = 500;

/** What a connection costs that nothing is sent on, and whether it is gone when it is closed. */
export const idle: Workload = {
  name: "idle",
  title: "KiB/connection: 5,000 idle connections, and 10,000 that come and go",
  baseline: "ws",
  blocks: [
    {
      params: { clients: 5000 },
      variants: [
        "net",
        "ws",
        "bun",
        ...["none", "writable", "both"].map((touched) => ({
          variant: "spillway",
          params: { touched },
        })),
      ],
    },
    { params: { clients: 10_000, op: "close" }, variants: ["spillway"] },
  ],
  async prepare({ variant, params, effort }: Contender): Promise<Trial> {
    const serve = servers[variant];
    if (!serve) throw new Error(`Cannot find variant "${variant}"`);
    const server = await serve(params);
    const clients = Number(params["clients"]);
    const { port } = server;
    const crowd = { port, clients: WARM_UP_CLIENTS, counts: "messages" } as const;
    const fleet = await Fleet.connect(crowd);
    if (params["op"] === "close") return prepareLeak(server, fleet, clients, effort);
    const start = await server.gauge.memory();
    let { liveBytes } = start;
    let opened = 0;
    return {
      // Each opens its share, so that at the end there are as many as the params say.
      async repeat() {
        const share = Math.ceil(clients / effort.reps);
        await fleet.join(share);
        opened += share;
        const after = await server.gauge.memory();
        const before = liveBytes;
        ({ liveBytes } = after);
        const resident = (after.rssBytes - start.rssBytes) / opened;
        return [
          { unit: "KiB/connection", value: (liveBytes - before) / share / 1024 },
          // Pages come and go many at a time, so it is of all there are.
          { unit: "KiB/connection", value: resident / 1024, params: { memory: "rss" } },
        ];
      },
    };
  },
};
