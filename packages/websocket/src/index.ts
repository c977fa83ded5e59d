/**
 * A server-side WebSocket as a pair of WHATWG streams. Reach for {@link accept} first.
 *
 * @module
 */
export { accept } from "./accept.ts";
export { type CloseInfo, closeCodes } from "./close-codes.ts";
export type { CloseOptions, Connection, LaneOptions } from "./connection.ts";
export type { Acknowledger } from "./flow-window.ts";
export { Frame, frame, type FrameOptions, type MessageChunk } from "./frame.ts";
export type { ReceivedMessage } from "./internal/inbox.ts";
export {
  type ConnectionOptions,
  type ConnectionSettings,
  connectionSettings,
  type HeartbeatOptions,
} from "./options.ts";
export type { ConnectionState, ConnectionStats } from "./stats.ts";
