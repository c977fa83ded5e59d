import type { IncomingMessage } from "node:http";
import { checkFunction } from "@spillway/streams/options";
import { innerProtocol, SUBPROTOCOL } from "@spillway/streams/protocol";

/** What `ws` calls to pick one of the subprotocols offered; `false` for none. */
export type ProtocolChooser = (protocols: Set<string>, request: IncomingMessage) => string | false;

/**
 * Makes the option `handleProtocols` of `ws` for servers that choose among subprotocols of their own: these
 * are offered to `choose` as they are, and the choice is agreed on by way of `spillway.v1` where the peer
 * speaks that. Servers that do not choose need none: `ws` picks what is offered first.
 *
 * Backpressure: none; it decides whether the peer tells what it has read.
 *
 * @param choose - gets what the peer would like to speak, without `spillway.v1`
 * @returns the option
 * @throws `TypeError` with `code: "SPW_ERR_OPTION"`
 * @see https://github.com/websockets/ws/blob/master/doc/ws.md for `handleProtocols`
 *
 * @example
 * ```ts
 * import { handleProtocols } from "@spillway/websocket";
 * import { WebSocketServer } from "ws";
 *
 * const server = new WebSocketServer({
 *   noServer: true,
 *   handleProtocols: handleProtocols((offered) => (offered.has("chat") ? "chat" : false)),
 * });
 * server.close();
 * ```
 */
export function handleProtocols(choose: ProtocolChooser): ProtocolChooser {
  checkFunction("choose", choose);
  return (offered, request) => {
    const inner = new Set<string>();
    for (const protocol of offered) {
      const name = innerProtocol(protocol) ?? protocol;
      if (name !== "") inner.add(name);
    }
    const chosen = inner.size > 0 && choose(inner, request);
    if (chosen === false) return offered.has(SUBPROTOCOL) && SUBPROTOCOL;
    const ours = `${SUBPROTOCOL}.${chosen}`;
    return offered.has(ours) ? ours : chosen;
  };
}
