import { WebSocketError, WebSocketStream } from "@spillway/client";
import type { Subject } from "./case.ts";
import type { SocketErrorConstructor } from "./shape.ts";

/** Options of ours which the proposal does not have. */
export interface OwnOptions {
  readonly credits?: "auto" | "off";
  /** Where the platform has none. */
  readonly WebSocket?: unknown;
}

/** Our implementation as if it took no options but the proposal's. */
export function oursWith(url: string, own: OwnOptions): Subject {
  return {
    // A subclass would have a prototype of its own, which cases look at.
    WebSocketStream: new Proxy(WebSocketStream, {
      construct(target, given: unknown[], newTarget) {
        const [address, options, ...more] = given;
        const isObject = typeof options === "object" || options === undefined;
        const isUsual = given.length > 0 && isObject;
        const passed = isUsual ? [address, { ...options, ...own }, ...more] : given;
        return Reflect.construct(target, passed, newTarget) as object;
      },
    }),
    WebSocketError: WebSocketError as unknown as SocketErrorConstructor,
    url,
  };
}
