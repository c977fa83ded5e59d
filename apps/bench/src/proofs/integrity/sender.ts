// The process that is looked at: one connection of ours, and all that is written to it.
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { fromIterable } from "@spillway/streams";
import { accept, type MessageChunk } from "@spillway/websocket";
import { type PerMessageDeflateOptions, type WebSocket, WebSocketServer } from "ws";
import { answering, notice } from "../../answering.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { HashChain } from "./hash-chain.ts";
import { chunkOf, payloadOf } from "./payload.ts";
import { planMessages, type PlannedMessage } from "./plan.ts";
import type { Deflate, SenderAnswers, SenderAsk, SenderNotice, SendJob } from "./protocol.ts";

/** A receiver may take its time, a goodbye included. */
const CLOSE_TIMEOUT_MS = 60_000;

/** How often to look at the memory: by the clock, and when it is soon over, by what is done. */
const SAMPLE_MS = 1000;
const LEAST_SAMPLES = 20;

const deflateOptions: Readonly<Record<Deflate, PerMessageDeflateOptions | false>> = {
  off: false,
  on: {},
  shared: { serverNoContextTakeover: true, clientNoContextTakeover: true },
};

let sending: (() => Promise<void>) | undefined;

async function answer(ask: SenderAsk): Promise<SenderAnswers[SenderAsk["kind"]]> {
  if (ask.kind === "serve") return serve(ask.job);
  if (!sending) throw new Error("Cannot send: nothing is served");
  return sending() as Promise<undefined>;
}

answering(answer);

async function serve(job: SendJob): Promise<number> {
  const http = createServer();
  const server = new WebSocketServer({
    server: http,
    perMessageDeflate: deflateOptions[job.deflate],
  });
  // In the turn in which it opens, so that nothing is missed.
  const sent = new Promise<void>((resolve, reject) => {
    server.once("connection", (socket, request) => {
      send(socket, request, job).then(resolve, reject);
    });
  });
  sent.catch(() => {});
  sending = async () => sent;
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return (http.address() as AddressInfo).port;
}

async function send(
  socket: WebSocket,
  request: IncomingMessage,
  { seed, bytes, deflate }: SendJob,
): Promise<void> {
  const isDeflated = socket.extensions.includes("permessage-deflate");
  if (isDeflated !== (deflate !== "off")) {
    throw new Error(`Cannot prove this: got the extensions "${socket.extensions}"`);
  }
  const connection = accept(socket, request, { closeTimeoutMs: CLOSE_TIMEOUT_MS });
  const account = new Account(seed, bytes);
  const samples = setInterval(() => account.look(), SAMPLE_MS);
  try {
    const plan = planMessages(seed, bytes);
    for (let next = plan.next(); !next.done;) {
      const { route } = next.value;
      const run = function* (): Generator<MessageChunk> {
        for (; !next.done && next.value.route === route; next = plan.next()) {
          yield account.take(next.value);
        }
      };
      if (route === "writer") await write(connection.writable, run());
      else await fromIterable(run()).pipeTo(connection.writable, { preventClose: true });
    }
    await connection.writable.close();
    account.end();
  } finally {
    clearInterval(samples);
  }
}

/** A producer of the user's, that minds `ready`. */
async function write(
  writable: WritableStream<MessageChunk>,
  chunks: Iterable<MessageChunk>,
): Promise<void> {
  const writer = writable.getWriter();
  for (const chunk of chunks) {
    await writer.ready;
    // Its failure is that of `ready`.
    writer.write(chunk).catch(() => {});
  }
  writer.releaseLock();
}

/** What has been written, and what that took. */
class Account {
  readonly #chain = new HashChain();
  readonly #seed: number;
  readonly #startedAt: number = performance.now();
  /** Bytes between two looks, at most. */
  readonly #stride: number;
  #bytes = 0;
  #nextLook = 0;

  constructor(seed: number, bytes: number) {
    this.#seed = seed;
    this.#stride = bytes / LEAST_SAMPLES;
    this.look();
  }

  take(message: PlannedMessage): MessageChunk {
    if (this.#bytes >= this.#nextLook) this.look();
    const payload = payloadOf(this.#seed, message);
    this.#bytes += payload.byteLength;
    tellOf(this.#chain.add(message.type, payload));
    return chunkOf(message, payload);
  }

  look(): void {
    const { gc } = globalThis as { gc?: () => void };
    if (!gc) throw new Error("Cannot collect garbage: want node --expose-gc");
    gc();
    const { heapUsed: heapBytes, rss: rssBytes } = process.memoryUsage();
    const seconds = (performance.now() - this.#startedAt) / 1000;
    this.#nextLook = this.#bytes + this.#stride;
    tell({ kind: "sample", sample: { seconds, bytes: this.#bytes, heapBytes, rssBytes } });
  }

  end(): void {
    tellOf(this.#chain.checkpoint());
  }
}

function tellOf(checkpoint: Checkpoint | undefined): void {
  if (checkpoint) tell({ kind: "checkpoint", checkpoint });
}

function tell(what: SenderNotice): void {
  notice(what);
}
