// A receiver in a process of its own: the client of `ws`, which pauses.
import { WebSocket } from "ws";
import { answering, notice } from "../../../answering.ts";
import { HashChain } from "../hash-chain.ts";
import { Pace } from "../pace.ts";
import type { ReceiverAsk } from "../protocol.ts";

async function receive({ job }: ReceiverAsk): Promise<undefined> {
  const socket = new WebSocket(`ws://127.0.0.1:${job.port}`, { perMessageDeflate: job.deflate });
  const chain = new HashChain();
  const pace = new Pace(job.seed);
  socket.on("message", (payload: Buffer, isBinary) => {
    const checkpoint = chain.add(isBinary ? "binary" : "text", payload);
    if (checkpoint) notice(checkpoint);
    const pauseMs = pace.pauseAfter(payload.byteLength);
    if (pauseMs === 0) return;
    socket.pause();
    setTimeout(() => socket.resume(), pauseMs);
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", (code) => {
      notice(chain.checkpoint());
      if (code === 1000) resolve(undefined);
      else reject(new Error(`the connection was closed with ${code}`));
    });
  });
}

answering(receive);
