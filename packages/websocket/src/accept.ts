import type { IncomingMessage } from "node:http";
import { usePump } from "@spillway/streams/ends";
import { wrongType } from "@spillway/streams/options";
import type { WebSocket } from "ws";
import { Connection } from "./connection.ts";
import { type ConnectionOptions, connectionSettings } from "./options.ts";

/**
 * Takes over an open server-side `ws` socket and hands out its streams.
 *
 * Backpressure: a producer that awaits `ready` holds at most `highWaterMark` + 64 KiB + one chunk in
 * this process, whatever the peer does, and `window` bytes unacknowledged beyond it.
 *
 * @param socket - an open `WebSocket` of `ws`; call in the very turn in which it opened, so that no
 *   message is missed, and leave it alone afterwards
 * @param request - its upgrade request
 * @param options - the bounds
 * @returns the connection
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 * @see https://www.rfc-editor.org/rfc/rfc6455
 *
 * @example
 * ```ts
 * import { accept } from "@spillway/websocket";
 * import { WebSocketServer } from "ws";
 *
 * const server = new WebSocketServer({ host: "127.0.0.1", port: 0, maxPayload: 1_048_576 });
 * server.on("connection", async (socket, request) => {
 *   const connection = accept(socket, request);
 *   await connection.readable.pipeTo(connection.writable).catch(() => {}); // echo
 * });
 * server.close();
 * ```
 */
export function accept(
  socket: WebSocket,
  request: IncomingMessage,
  options?: ConnectionOptions,
): Connection {
  usePump();
  if (socket?.readyState !== 1) throw wrongType("socket", "an open WebSocket of ws", socket);
  return new Connection(socket, request, connectionSettings(options));
}
