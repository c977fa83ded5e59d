/**
 * A server-side WebSocket as a pair of WHATWG streams. Reach for {@link accept} first.
 *
 * @module
 */
export { accept } from "./accept.ts";
export { type CloseInfo, closeCodes } from "./close-codes.ts";
export type { Connection } from "./connection.ts";
export type { Acknowledger } from "./flow-window.ts";
export { handleProtocols, type ProtocolChooser } from "./handle-protocols.ts";
export { heldBytes } from "./held-bytes.ts";
export { Frame, frame, type FrameOptions, type LaneChunk, type MessageChunk } from "./frame.ts";
export type { LaneStream } from "./lane-stream.ts";
export type { Sending } from "./internal/bitrate.ts";
export type { ReceivedMessage } from "./internal/inbox.ts";
export {
  type CloseOptions,
  type ConnectionOptions,
  type ConnectionSettings,
  connectionSettings,
  type HeartbeatOptions,
  type LaneOptions,
} from "./options.ts";
export type { ConnectionState, ConnectionStats, LaneStats } from "./stats.ts";
export { targetBitrate, type TargetBitrateOptions } from "./target-bitrate.ts";
