/**
 * Bounded queues, overflow policies and broadcast for Web Streams. Reach for {@link bounded} to put
 * a dropping stage into a pipe, and for {@link broadcast} to send one source to many.
 *
 * @module
 */
export { bounded, type Bounded, type BoundedOptions } from "./bounded.ts";
export {
  broadcast,
  type Broadcast,
  type BroadcastOptions,
  type BroadcastStats,
  type SubscribeOptions,
} from "./broadcast.ts";
export {
  classify,
  type ClassifyOptions,
  type EncodedChunk,
  type EncodedFrame,
  type FrameKind,
  type VideoCodec,
} from "./classify.ts";
export { fromIterable } from "./from-iterable.ts";
export type { ConcurrencyOptions } from "./internal/ordered.ts";
export type { Stage, StageOptions } from "./internal/stage.ts";
export { map, type MapOptions } from "./map.ts";
export { sink } from "./sink.ts";
export { conflate, type ConflateOptions } from "./conflate.ts";
export { DropCounter, type DropCounts, type Tally } from "./drops.ts";
export { SpillwayError, type SpillwayErrorCode } from "./errors.ts";
export { keyframes, type KeyframesOptions } from "./keyframes.ts";
export type { Overflow } from "./overflow.ts";
export type {
  Admission,
  Drop,
  DropListener,
  DropReason,
  Entry,
  OverflowPolicy,
  PolicyQueue,
  Verdict,
} from "./policy.ts";
export { BoundedQueue, type QueueOptions, type QueueStats } from "./queue.ts";
