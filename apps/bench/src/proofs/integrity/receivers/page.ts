// Loaded by a page: a receiver with the client of the browser.
import type { Checkpoint } from "../checkpoint.ts";
import { Pace } from "../pace.ts";
import type { ReceiverJob } from "../protocol.ts";
import { WebHashChain } from "../web-hash-chain.ts";

/** What the page and its driver know each other by. */
interface PageScope {
  tell(checkpoint: Checkpoint): Promise<void>;
  /** @returns the close code */
  receive(job: ReceiverJob): Promise<number>;
}

const scope = globalThis as unknown as PageScope;
const encoder = new TextEncoder();

scope.receive = async ({ port, seed }) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  socket.binaryType = "arraybuffer";
  const chain = new WebHashChain();
  const pace = new Pace(seed);
  // Digests take turns of their own, and each needs the one before.
  let taken = Promise.resolve();
  socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
    const isText = typeof data === "string";
    const payload = isText ? encoder.encode(data) : new Uint8Array(data);
    taken = taken.then(async () => {
      const checkpoint = await chain.add(isText ? "text" : "binary", payload);
      if (checkpoint) await scope.tell(checkpoint);
    });
    block(pace.pauseAfter(payload.byteLength));
  });
  const { code } = await new Promise<CloseEvent>((resolve) => {
    socket.addEventListener("close", resolve);
  });
  await taken;
  await scope.tell(chain.checkpoint());
  return code;
};

/** A page cannot pause; one that is busy reads nothing either. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}
