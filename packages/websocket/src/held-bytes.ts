import { type Connection, holdings } from "./connection.ts";
import { Held } from "./internal/held.ts";

/**
 * Tells what connections hold in this process for their peers: messages that wait, those that the kernel
 * has not taken, and those received that nobody has read. What several hold, as they do the frames of a
 * hub, counts once. A look at every one of them: for a budget now and then, not for each message.
 *
 * @param connections - those of the process, or of a route
 * @returns bytes
 *
 * @example
 * ```ts
 * import { type Connection, heldBytes } from "@spillway/websocket";
 *
 * const connections = new Set<Connection>();
 * const budget = 256 * 1024 * 1024;
 * setInterval(() => {
 *   if (heldBytes(connections) > budget) console.warn("slow viewers hold more than 256 MiB");
 * }, 1_000).unref();
 * ```
 */
export function heldBytes(connections: Iterable<Connection>): number {
  const held = new Held();
  for (const connection of connections) holdings(connection, held);
  return held.bytes;
}
