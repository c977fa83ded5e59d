import { createHash } from "node:crypto";
import { frame, type MessageChunk } from "@spillway/websocket";

/** What was received or sent, as one hash: order, types and bytes. */
export class Digest {
  messages = 0;
  readonly #hash = createHash("sha256");

  add(payload: Uint8Array, isBinary: boolean): void {
    this.messages++;
    this.#hash.update(`${isBinary ? "b" : "t"}${payload.byteLength}:`).update(payload);
  }

  hex(): string {
    return this.#hash.copy().digest("hex");
  }
}

/** Messages of 0 B to 200 KB of every kind, the same each time. */
export function* messages(total: number, sent: Digest): Generator<MessageChunk> {
  let seed = 11;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  for (let count = 0; count < total; count++) {
    const size = [0, random(130), random(3_000), 65_530 + random(12), random(200_000)][count % 5];
    const payload = Buffer.alloc(size as number, `${count} `);
    const isBinary = random(2) === 0;
    sent.add(payload, isBinary);
    const chunk = isBinary ? new Uint8Array(payload) : payload.toString();
    yield random(3) === 0 ? frame(chunk) : chunk;
  }
}
