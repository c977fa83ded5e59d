import { settle } from "@spillway/testing";
import { connectPeer, type RawPeer } from "@spillway/testing/node";
import { expect, onTestFinished } from "vitest";
import { outcome, type TestServer } from "./support.ts";

/** A second connection of the same server, which echoes whatever befalls the first. */
export interface Bystander {
  /** Fails unless it still works and nobody has left a rejection or an exception behind. */
  unharmed(): Promise<void>;
}

export async function bystander(server: TestServer): Promise<Bystander> {
  const harm: unknown[] = [];
  const onHarm = (error: unknown): number => harm.push(error);
  for (const event of ["unhandledRejection", "uncaughtException"] as const) {
    process.on(event, onHarm);
    onTestFinished(() => void process.off(event, onHarm));
  }
  const peer = await connectPeer(server.url);
  const connection = await server.next();
  void outcome(connection.readable.pipeTo(connection.writable));
  let round = 0;
  return {
    unharmed: async () => {
      round++;
      const echoed = peer.collect(2);
      const bytes = new Uint8Array(100_000).fill(round);
      await peer.send(`round ${round}`);
      await peer.send(bytes);
      const [text, echo] = await echoed;
      expect(text).toBe(`round ${round}`);
      expect(Buffer.compare(echo as Uint8Array, bytes)).toBe(0);
      expect(connection.stats().dropped.chunks).toBe(0);
      await settle();
      expect(harm).toEqual([]);
    },
  };
}

/** One frame from the server. */
export interface SeenFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly payload: Buffer;
}

/** What a raw peer receives from now on, as frames. It reads. */
export function framesOf(peer: RawPeer): () => SeenFrame[] {
  const chunks = [Buffer.from(peer.head)];
  peer.socket.on("data", (chunk: Buffer) => chunks.push(Buffer.from(chunk)));
  peer.resume();
  return () => parse(Buffer.concat(chunks));
}

function parse(bytes: Buffer): SeenFrame[] {
  const frames: SeenFrame[] = [];
  for (let at = 0; at + 2 <= bytes.byteLength;) {
    const first = bytes.readUInt8(at);
    const short = bytes.readUInt8(at + 1);
    const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (at + headerBytes > bytes.byteLength) break;
    let length = short;
    if (short === 126) length = bytes.readUInt16BE(at + 2);
    if (short === 127) length = Number(bytes.readBigUInt64BE(at + 2));
    const end = at + headerBytes + length;
    if (end > bytes.byteLength) break;
    const payload = bytes.subarray(at + headerBytes, end);
    frames.push({ opcode: first & 0x0f, fin: first >= 0x80, payload });
    at = end;
  }
  return frames;
}

/** The code of the Close frame among them; `undefined` without one, 1005 for one without a code. */
export function closeCodeOf(frames: readonly SeenFrame[]): number | undefined {
  const close = frames.find(({ opcode }) => opcode === 8);
  if (!close) return undefined;
  return close.payload.byteLength === 0 ? 1005 : close.payload.readUInt16BE(0);
}
