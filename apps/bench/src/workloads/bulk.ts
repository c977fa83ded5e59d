import { Fleet } from "../clients/fleet.ts";
import { serveBun } from "../servers/bun.ts";
import { megabytesAbove, type Server } from "../servers/server.ts";
import type { Contender, Effort, Params, Trial, Workload } from "../workload.ts";
import { PIECE_BYTES } from "./bulk/piece.ts";

/** Serves any number of clients; a run sends each of them `count` pieces. */
type Serve = (params: Params) => Promise<Server>;

/** Loaded when asked for: a peer that is not installed leaves the others alone. */
const senders: Readonly<Record<string, Serve>> = {
  ws: async ({ send }) => (await import("./bulk/ws.ts")).ws(send === "whole"),
  "bun-drain": async () => serveBun({ mode: "drain", messageBytes: PIECE_BYTES }),
  net: async ({ chunks }) => (await import("./bulk/net.ts")).net(chunks === "fresh"),
  "spillway-pump": async ({ chunks }) =>
    (await import("./bulk/ours.ts")).spillwayPump(chunks === "recycled"),
};

const CLIENTS = 10;
const SAMPLE_MS = 5;
/** Sent to each before anything is measured, so that code and sockets are no part of it. */
const WARM_UP_PIECES = 16;

/** Much at once to a few clients: how fast it goes, and what it takes of memory. */
export const bulk: Workload = {
  name: "bulk",
  title: "MB above idle and MB/s: 100 MB to each of 10 clients at once",
  baseline: "ws",
  blocks: [
    {
      params: { clients: CLIENTS },
      variants: [
        "ws",
        { variant: "ws", params: { send: "whole" } },
        "bun-drain",
        "net",
        { variant: "net", params: { chunks: "fresh" } },
        { variant: "spillway-pump", params: { chunks: "fresh" } },
        { variant: "spillway-pump", params: { chunks: "recycled" } },
      ],
    },
  ],
  async prepare({ variant, params, effort }: Contender): Promise<Trial> {
    const serve = senders[variant];
    if (!serve) throw new Error(`Cannot find variant "${variant}"`);
    const server = await serve(params);
    const clients = Number(params["clients"]);
    const fleet = await Fleet.connect({ port: server.port, clients, counts: "bytes" });
    // Twice: what is recycled is seen to come back only when it is wanted again.
    for (let round = 0; round < 2; round++) {
      await fleet.take(WARM_UP_PIECES * PIECE_BYTES, async () => server.run(WARM_UP_PIECES));
    }
    const { rssBytes } = await server.gauge.memory();
    const { size, pieces } = amount(effort);
    const bytes = pieces * PIECE_BYTES;
    return {
      async repeat() {
        await server.gauge.start(SAMPLE_MS);
        const { seconds } = await fleet.take(bytes, async () => server.run(pieces));
        const { peakRssBytes } = await server.gauge.stop();
        return [
          { unit: "MB/s", value: (clients * bytes) / 1e6 / seconds, params: { size } },
          { unit: "MB", value: megabytesAbove(rssBytes, peakRssBytes), params: { size } },
        ];
      },
    };
  },
};

/** What goes to each client in one repetition; the rows tell. */
function amount({ repMs }: Effort): { readonly size: string; readonly pieces: number } {
  const megabytes = repMs >= 500 ? 100 : repMs >= 100 ? 10 : 1;
  return { size: `${megabytes} MB`, pieces: Math.ceil((megabytes * 1e6) / PIECE_BYTES) };
}
