import { wrongType } from "@spillway/streams/options";
import type { SentMessage } from "./message.ts";

/** What the client uses of a `WebSocket`: the platform's, or one that looks like it. */
export interface PlatformWebSocket {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly extensions: string;
  readonly protocol: string;
  readonly readyState: number;
  addEventListener(type: keyof SocketEvents, listener: (event: object) => void): void;
  removeEventListener(type: keyof SocketEvents, listener: (event: object) => void): void;
  send(data: string | ArrayBuffer | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/** Makes a `WebSocket` that connects at once. */
export type WebSocketConstructor = new (url: string, protocols?: string[]) => PlatformWebSocket;

/** The `readyState` of an open `WebSocket`; once it is not, no message counts any more. */
export const OPEN = 1;

/** What a `WebSocket` tells of its end. */
export interface PlatformClose {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** The events, and what is used of them. */
export interface SocketEvents {
  readonly open: unknown;
  readonly message: { readonly data: string | ArrayBuffer };
  readonly close: PlatformClose;
  readonly error: { readonly error?: unknown };
}

/** @returns stops listening */
export function listen<Type extends keyof SocketEvents>(
  socket: PlatformWebSocket,
  type: Type,
  listener: (event: SocketEvents[Type]) => void,
): () => void {
  const heard = listener as (event: object) => void;
  socket.addEventListener(type, heard);
  return () => socket.removeEventListener(type, heard);
}

/** @throws `TypeError` with `code: "SPW_ERR_OPTION"` where there is none */
export function findWebSocket(given: WebSocketConstructor | undefined): WebSocketConstructor {
  const found = given ?? (globalThis as { WebSocket?: unknown }).WebSocket;
  if (typeof found === "function") return found as WebSocketConstructor;
  const wanted =
    "a constructor (this platform has none of its own; that of the package ws will do)";
  throw wrongType("WebSocket", wanted, found);
}

/** Closes without an empty Close frame's being taken for a code that is missing. */
export function closeSocket(
  socket: PlatformWebSocket,
  closeCode: number | null,
  reason: string,
): void {
  if (closeCode === null) socket.close();
  else socket.close(closeCode, reason);
}

export function sendMessage(socket: PlatformWebSocket, message: SentMessage): void {
  socket.send(message as string | ArrayBuffer | Uint8Array<ArrayBuffer>);
}
