import type { Where } from "./differences.ts";
import type { SocketErrorConstructor, SocketStreamConstructor } from "./shape.ts";

/** What this runtime has of its own. */
export interface Platform {
  readonly where: Where;
  /** Given to ours where there is none. */
  readonly WebSocket: unknown;
  readonly native:
    | {
        readonly WebSocketStream: SocketStreamConstructor;
        readonly WebSocketError: SocketErrorConstructor;
      }
    | undefined;
}

/** @param moduleOfWs - where `ws` is, if it cannot be found by its name */
export async function platform(moduleOfWs: string = "ws"): Promise<Platform> {
  const { WebSocketStream, WebSocketError } = globalThis as unknown as {
    readonly WebSocketStream?: SocketStreamConstructor;
    readonly WebSocketError?: SocketErrorConstructor;
  };
  const isMissing = !("WebSocket" in globalThis);
  const found = isMissing
    ? ((await import(/* @vite-ignore */ moduleOfWs)) as { WebSocket: unknown })
    : undefined;
  return {
    where: whereThisIs(isMissing),
    WebSocket: found?.WebSocket,
    native: WebSocketStream && WebSocketError && { WebSocketStream, WebSocketError },
  };
}

function whereThisIs(isMissing: boolean): Where {
  if ("Deno" in globalThis) return "deno";
  if ("Bun" in globalThis) return "bun";
  if ("document" in globalThis || "WorkerGlobalScope" in globalThis) return "chromium";
  return isMissing ? "node-ws" : "node";
}
