/**
 * Bounded queues, overflow policies, stages and broadcast for Web Streams. Reach for {@link bounded}
 * to put a dropping stage into a pipe, for {@link broadcast} to send one source to many, and for
 * {@link map} and its like to build what goes in between.
 *
 * @module
 */
export { batch, type BatchOptions } from "./batch.ts";
export {
  bounded,
  type Bounded,
  type BoundedOptions,
  type BoundedWithGapsOptions,
} from "./bounded.ts";
export {
  broadcast,
  type Broadcast,
  type BroadcastOptions,
  type BroadcastStats,
  type SubscribeOptions,
  type SubscribeWithGapsOptions,
  type SubscriberStats,
} from "./broadcast.ts";
export {
  classify,
  type ClassifyOptions,
  type EncodedChunk,
  type EncodedFrame,
  type FrameKind,
  type VideoCodec,
} from "./classify.ts";
export { conflate, type ConflateOptions } from "./conflate.ts";
export { DropCounter, type DropCounts, type Tally } from "./drops.ts";
export { SpillwayError, type SpillwayErrorCode } from "./errors.ts";
export { expire, type Expire, type ExpireOptions, type ExpireStats } from "./expire.ts";
export { filter, type FilterOptions } from "./filter.ts";
export { fromEvents, type EventStream, type FromEventsOptions } from "./from-events.ts";
export { fromIterable } from "./from-iterable.ts";
export { Gap } from "./gap.ts";
export { keyframes, type KeyframesOptions } from "./keyframes.ts";
export {
  layers,
  type Layer,
  type LayeredOptions,
  type LayeredStats,
  type Layers,
} from "./layers.ts";
export { map, type MapOptions } from "./map.ts";
export { merge, type ChunkOf, type MergeOptions } from "./merge.ts";
export { meter, type Meter, type MeterOptions, type MeterStats } from "./meter.ts";
export type { ConcurrencyOptions } from "./internal/ordered.ts";
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
  Way,
} from "./policy.ts";
export { prioritize, type PrioritizeOptions } from "./prioritize.ts";
export { BoundedQueue } from "./queue.ts";
export type { QueueOptions, QueueStats } from "./queue-options.ts";
export { sample, type Sample, type SampleOptions } from "./sample.ts";
export { sink } from "./sink.ts";
export type { Stage, StageOptions } from "./internal/stage.ts";
export { tap, type TapOptions } from "./tap.ts";
export { throttle, type ThrottleOptions } from "./throttle.ts";
export { toIterable, type ToIterableOptions } from "./to-iterable.ts";
export { unbatch } from "./unbatch.ts";
