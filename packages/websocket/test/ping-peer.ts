import { rawPeer, type RawPeer } from "@spillway/testing/node";

/** A peer that reads, and answers pings by whatever `answer` sends. */
export interface PingPeer {
  readonly raw: RawPeer;
  /** Payloads of the pings it has read. */
  readonly pings: Buffer[];
  /** Sends a pong, in order with others. */
  pong(payload: Uint8Array): void;
}

/** What a peer does with a ping. */
export type Answer = (ping: Buffer, peer: PingPeer) => void;

export async function pingPeer(url: string, answer: Answer): Promise<PingPeer> {
  const raw = await rawPeer(url);
  const pings: Buffer[] = [];
  const peer: PingPeer = {
    raw,
    pings,
    pong: (payload) => void raw.sendFrame({ opcode: 10, payload }).catch(() => {}),
  };
  const read = pingReader((ping) => {
    pings.push(ping);
    answer(ping, peer);
  });
  read(Buffer.from(raw.head));
  raw.socket.on("data", read);
  raw.resume();
  return peer;
}

/** Finds the pings in what is received, and forgets the rest. */
function pingReader(found: (payload: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  /** Of a message, what is still to come. */
  let left = 0;
  return (chunk) => {
    rest = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const passed = Math.min(left, rest.byteLength);
      rest = rest.subarray(passed);
      left -= passed;
      const header = headerOf(rest);
      if (left > 0 || !header) return;
      if (header.opcode !== 9) {
        left = header.bytes + header.payloadBytes;
        continue;
      }
      const end = header.bytes + header.payloadBytes;
      if (rest.byteLength < end) return;
      found(Buffer.from(rest.subarray(header.bytes, end)));
      rest = rest.subarray(end);
    }
  };
}

function headerOf(
  bytes: Buffer,
): { opcode: number; bytes: number; payloadBytes: number } | undefined {
  if (bytes.byteLength < 2) return undefined;
  const opcode = bytes.readUInt8(0) & 0x0f;
  const short = bytes.readUInt8(1);
  if (short < 126) return { opcode, bytes: 2, payloadBytes: short };
  if (short === 126) {
    return bytes.byteLength < 4
      ? undefined
      : { opcode, bytes: 4, payloadBytes: bytes.readUInt16BE(2) };
  }
  return bytes.byteLength < 10
    ? undefined
    : { opcode, bytes: 10, payloadBytes: Number(bytes.readBigUInt64BE(2)) };
}
