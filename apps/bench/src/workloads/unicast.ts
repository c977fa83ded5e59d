import { Fleet } from "../clients/fleet.ts";
import { serveBun } from "../servers/bun.ts";
import { timeRate } from "../servers/rate.ts";
import type { Server } from "../servers/server.ts";
import { warmUp } from "../warm-up.ts";
import type { Contender, Params, Trial, Workload } from "../workload.ts";
import { MESSAGE_BYTES } from "./unicast/message.ts";

/** Serves one client; a run sends it `count` messages. */
type Serve = (params: Params) => Promise<Server>;

/** Loaded when asked for: a peer that is not installed leaves the others alone. */
const senders: Readonly<Record<string, Serve>> = {
  ws: async () => (await import("./unicast/ws.ts")).ws(),
  "ws-duplex": async () => (await import("./unicast/ws.ts")).wsDuplex(),
  naive: async () => (await import("./unicast/naive.ts")).naive(),
  bun: async () => serveBun({ mode: "send", messageBytes: MESSAGE_BYTES }),
  "bun-cork": async () => serveBun({ mode: "cork", messageBytes: MESSAGE_BYTES }),
  net: async ({ write }) => (await import("./unicast/net.ts")).net(write === "64KiB"),
  spillway: async () => (await import("./unicast/ours.ts")).spillway(),
  "spillway-native": async () => (await import("./unicast/ours.ts")).spillwayNative(),
  "spillway-pump": async ({ source }) => (await import("./unicast/ours.ts")).spillwayPump(source),
};

/** Sends back what the client says. */
const echoes: Readonly<Record<string, Serve>> = {
  ws: async () => (await import("./unicast/ws.ts")).wsEcho(),
  spillway: async () => (await import("./unicast/ours.ts")).spillwayEcho(),
  "spillway-pump": async () => (await import("./unicast/ours.ts")).spillwayPumpEcho(),
};

/** One client, small messages: what a message costs, and that a lone one does not wait. */
export const unicast: Workload = {
  name: "unicast",
  title: "msg/s: 250-byte messages to one client as fast as they go, and an echo of one",
  baseline: "ws",
  blocks: [
    {
      params: {},
      variants: [
        ...Object.keys(senders),
        { variant: "net", params: { write: "64KiB" } },
        { variant: "spillway-pump", params: { source: "iterable" } },
      ],
    },
    { params: { op: "echo" }, variants: Object.keys(echoes) },
  ],
  async prepare({ variant, params, effort }: Contender): Promise<Trial> {
    const isEcho = params["op"] === "echo";
    const serve = (isEcho ? echoes : senders)[variant];
    if (!serve) throw new Error(`Cannot find variant "${variant}"`);
    const server = await serve(params);
    const fleet = await Fleet.connect({
      port: server.port,
      clients: 1,
      counts: "messages",
      messageBytes: MESSAGE_BYTES,
    });
    if (isEcho) return prepareEcho(fleet, effort);
    const rate = { unit: "msg/s", each: 1, all: 1 } as const;
    const time = async (count: number): ReturnType<typeof timeRate> =>
      timeRate(server, fleet, count, rate);
    const count = await warmUp(time, effort, 64);
    return { repeat: async () => [(await time(count)).measurement] };
  },
};

async function prepareEcho(fleet: Fleet, { repMs, warmUpMs }: Contender["effort"]): Promise<Trial> {
  await fleet.echo(MESSAGE_BYTES, warmUpMs);
  return {
    async repeat() {
      const { p50 } = await fleet.echo(MESSAGE_BYTES, repMs);
      return [{ unit: "s", value: p50, params: { quantile: 0.5 } }];
    },
  };
}
