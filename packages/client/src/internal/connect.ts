import { offeredProtocols } from "@spillway/streams/protocol";
import type { ClientSettings } from "../options.ts";
import { listen, type PlatformWebSocket } from "./platform.ts";

/** What becomes of the attempt to connect; exactly one of them is called, unless it is given up. */
export interface ConnectHost {
  /** Called in the very turn in which the socket opened: whoever listens later loses messages. */
  opened(socket: PlatformWebSocket): void;
  /** `cause`: what the platform tells of the why, which in browsers is nothing. */
  failed(cause: unknown): void;
}

/**
 * Opens a connection. One that has offered credits is tried once more without: browsers fail the
 * handshake if a server picks none of what it was offered.
 *
 * @returns gives up; nothing is called any more
 */
export function connect(url: string, settings: ClientSettings, host: ConnectHost): () => void {
  const { credits, protocols, WebSocket } = settings;
  let socket: PlatformWebSocket | undefined;
  let isGivenUp = false;
  const attempt = (offered: readonly string[], next?: () => void): void => {
    let cause: unknown;
    const fail = (): void => {
      socket = undefined;
      if (isGivenUp) return;
      if (next) next();
      else host.failed(cause);
    };
    try {
      socket = new WebSocket(url, [...offered]);
    } catch (error) {
      // Mixed content, a policy of the page; the caller has yet to see the stream that fails.
      cause = error;
      queueMicrotask(fail);
      return;
    }
    const opening = socket;
    opening.binaryType = "arraybuffer";
    // This one stays: an error that nobody listens for ends a process on Node.
    listen(opening, "error", ({ error }) => {
      cause = error;
    });
    const stopClose = listen(opening, "close", fail);
    listen(opening, "open", () => {
      stopClose();
      if (isGivenUp) return;
      if (isOffered(opening.protocol, offered, protocols)) host.opened(opening);
      else {
        // Not every platform sees to that.
        opening.close();
        fail();
      }
    });
  };
  const plain = (): void => attempt(protocols);
  if (credits === "off") plain();
  else {
    const offered = offeredProtocols(protocols);
    if (credits === "auto") attempt(offered, plain);
    // What the server picks must be ours.
    else attempt(offered.slice(0, protocols.length || 1));
  }
  return () => {
    isGivenUp = true;
    socket?.close();
  };
}

/** Whether a server may pick that; none is right where the application has asked for none. */
function isOffered(picked: string, offered: readonly string[], wanted: readonly string[]): boolean {
  return picked === "" ? wanted.length === 0 : offered.includes(picked);
}
