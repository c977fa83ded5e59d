import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Seen } from "./seen.ts";

/** https://www.rfc-editor.org/rfc/rfc6455#section-1.3 */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** https://www.rfc-editor.org/rfc/rfc6455#section-5.2 */
const CLOSE = 8;
const FINAL_TEXT = 0x81;
const FINAL_CLOSE = 0x88;
const FINAL_RESERVED = 0x83;

type RawRoute = (socket: Duplex, seen: Seen) => void;

/** What no WebSocket library would do. */
export const rawRoutes: Readonly<Record<string, RawRoute>> = {
  /** Drops the socket when it is asked to close. */
  vanish: (socket, seen) => {
    onClose(socket, seen, () => socket.destroy());
  },
  /** Has something to say still when it is asked to close. */
  late: (socket, seen) => {
    onClose(socket, seen, (payload) => {
      socket.write(Buffer.from([FINAL_TEXT, 4, ...Buffer.from("late")]));
      socket.end(Buffer.from([FINAL_CLOSE, payload.length, ...payload]));
    });
  },
  /** Sends a frame that is none. */
  broken: (socket) => {
    socket.on("data", () => {});
    socket.write(Buffer.from([FINAL_RESERVED, 0]));
  },
  /** Sends a text that is not UTF-8. */
  "invalid-text": (socket) => {
    socket.on("data", () => {});
    socket.write(Buffer.from([FINAL_TEXT, 1, 0xff]));
  },
};

/** Completes the handshake by hand, with the first subprotocol that was offered. */
export function acceptRaw(request: IncomingMessage, socket: Duplex, offered?: string): void {
  const key = `${request.headers["sec-websocket-key"]}${KEY_SUFFIX}`;
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${createHash("sha1").update(key).digest("base64")}`,
    ...(offered === undefined ? [] : [`Sec-WebSocket-Protocol: ${offered}`]),
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
}

/** Nothing else is sent on these routes, and so small a frame comes in one piece. */
function onClose(socket: Duplex, seen: Seen, run: (payload: Buffer) => void): void {
  socket.on("data", (chunk: Buffer) => {
    if (((chunk[0] ?? 0) & 0x0f) !== CLOSE) return;
    const length = (chunk[1] ?? 0) & 0x7f;
    const mask = chunk.subarray(2, 6);
    const payload = Buffer.from(chunk.subarray(6, 6 + length));
    for (const index of payload.keys()) {
      payload[index] = (payload[index] ?? 0) ^ (mask[index % 4] ?? 0);
    }
    seen.update({
      closeCode: length < 2 ? 1005 : payload.readUInt16BE(0),
      reason: payload.subarray(2).toString(),
    });
    run(payload);
  });
}
