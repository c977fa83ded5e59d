/**
 * WebSockets as streams, in browsers and out of them. Reach for {@link WebSocketStream} first; with a
 * server of `@spillway/websocket` or `@spillway/fastify` a slow page holds its server up by itself.
 *
 * @module
 */
// Of the same identity as those that lanes give, also in the bundle.
export { Gap } from "@spillway/streams";
export type { WebSocketCloseInfo } from "./close-info.ts";
export {
  type ChunkDecoder,
  decoderSink,
  type DecoderSinkOptions,
  type MakeDecoder,
} from "./decoder-sink.ts";
export type { ReceivedMessage, SentMessage } from "./internal/message.ts";
export type { PlatformWebSocket, WebSocketConstructor } from "./internal/platform.ts";
export type { OverflowWord, WebSocketStreamOptions } from "./options.ts";
export type {
  ReconnectingLaneOptions,
  ReconnectingOptions,
  ReconnectOptions,
} from "./reconnect-options.ts";
export type { ReconnectState } from "./reconnect-state.ts";
export type { ReconnectingStats } from "./reconnecting-stats.ts";
export {
  type ReceivedOrGap,
  type ReconnectingOpenInfo,
  ReconnectingWebSocketStream,
} from "./reconnecting-web-socket-stream.ts";
export type { ClientStats } from "./stats.ts";
export type { UnreadBounds, UnreadQueue } from "./unread-queue.ts";
export { WebSocketError } from "./web-socket-error.ts";
export {
  type WebSocketClosed,
  type WebSocketOpenInfo,
  WebSocketStream,
} from "./web-socket-stream.ts";
