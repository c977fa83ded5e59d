// Run by Bun: a receiver with the client that it has.
import { answering, notice } from "../../../answering.ts";
import { HashChain } from "../hash-chain.ts";
import { Pace } from "../pace.ts";
import type { ReceiverAsk } from "../protocol.ts";

const { Bun } = globalThis as unknown as { Bun: { sleepSync(ms: number): void } };

async function receive({ job }: ReceiverAsk): Promise<undefined> {
  const { port, deflate } = job;
  // More than a browser's constructor takes.
  const options = { perMessageDeflate: deflate } as unknown as string[];
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, options);
  socket.binaryType = "arraybuffer";
  const chain = new HashChain();
  const pace = new Pace(job.seed);
  socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
    const isText = typeof data === "string";
    const payload = isText ? Buffer.from(data) : new Uint8Array(data);
    const checkpoint = chain.add(isText ? "text" : "binary", payload);
    if (checkpoint) notice(checkpoint);
    // It cannot pause; what does not come back reads nothing either.
    Bun.sleepSync(pace.pauseAfter(payload.byteLength));
  });
  return new Promise((resolve, reject) => {
    socket.addEventListener("close", ({ code }) => {
      notice(chain.checkpoint());
      if (code === 1000) resolve(undefined);
      else reject(new Error(`the connection was closed with ${code}`));
    });
  });
}

answering(receive);
