// The process that is looked at: a hub, and a pipe for each client.
import { broadcast } from "@spillway/streams";
import { accept, type Connection, frame, type Frame } from "@spillway/websocket";
import { answering, notice } from "../../answering.ts";
import { stamp } from "../../clients/protocol.ts";
import { serveWs } from "../../servers/ws.ts";
import { MESSAGE_BYTES } from "./message.ts";
import type { SoakAnswers, SoakAsk, SoakSample } from "./protocol.ts";

/** Who reads nothing is given up after half a minute otherwise; here it is to stay. */
const HEARTBEAT = { deadlineMs: 3_600_000 };
const SAMPLE_MS = 1000;

const hub = broadcast<Buffer, Frame>({ encode: (message) => frame(message) });
const connections = new Set<Connection>();

async function answer(ask: SoakAsk): Promise<SoakAnswers[SoakAsk["kind"]]> {
  if (ask.kind === "serve") return serve();
  await publish(ask.messages, ask.everyMs);
  return undefined;
}

answering(answer);

async function serve(): Promise<number> {
  const { port } = await serveWs({
    open(socket, request) {
      const connection = accept(socket, request, { heartbeat: HEARTBEAT });
      connections.add(connection);
      void connection.closed.then(() => connections.delete(connection));
      // A client that leaves is no failure of the others; who is missed at the end, is counted.
      hub
        .subscribe({ overflow: "drop-oldest" })
        .pipeTo(connection.writable)
        .catch(() => {});
    },
    run: async () => {},
  });
  setInterval(() => notice(sample()), SAMPLE_MS);
  return port;
}

/** By the clock, whatever becomes of it. */
async function publish(messages: number, everyMs: number): Promise<void> {
  const startedAt = performance.now();
  for (let done = 0; done < messages; done++) {
    const early = startedAt + done * everyMs - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    hub.publish(makeMessage());
  }
}

/** A source makes every message anew; it begins with the time it was made at. */
function makeMessage(): Buffer {
  const message = Buffer.alloc(MESSAGE_BYTES, "spillway");
  message.write(stamp());
  return message;
}

function sample(): SoakSample {
  let frozen = 0;
  let heldBytes = 0;
  for (const connection of connections) {
    const { state, queuedBytes, bufferedBytes } = connection.stats();
    if (state === "frozen") frozen++;
    heldBytes = Math.max(heldBytes, queuedBytes + bufferedBytes);
  }
  return { rssBytes: process.memoryUsage.rss(), connections: connections.size, frozen, heldBytes };
}
