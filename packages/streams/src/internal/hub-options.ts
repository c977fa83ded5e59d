import {
  checkBoolean,
  checkFunction,
  checkNumber,
  checkOneOf,
  MAX_TIMER_MS,
  outOfRange,
  wrongType,
} from "../options.ts";
import type { Overflow } from "../overflow.ts";
import { overflowPolicy } from "../overflow.ts";
import type { DropListener } from "../policy.ts";
import { byteLengthOf } from "./byte-length.ts";
import { CursorFeed } from "./cursor-feed.ts";
import type { Feed } from "./feed.ts";
import { measured } from "./measure.ts";
import { QueueFeed, waits } from "./queue-feed.ts";
import type { Ring } from "./ring.ts";

/** How much a hub keeps, and what its subscribers get. */
export interface BroadcastOptions<T, E = T> {
  /** The bounds of the shared ring; at both the oldest chunk leaves. */
  readonly capacity?:
    | {
        /** @defaultValue `256` */
        readonly chunks?: number | undefined;
        /** In the unit of `size`. @defaultValue `8_388_608` (8 MiB) */
        readonly bytes?: number | undefined;
      }
    | undefined;
  /**
   * Bytes of a chunk.
   *
   * @defaultValue the chunk's `byteLength` or string length where it has one, else 0
   */
  readonly size?: ((chunk: T) => number) | undefined;
  /**
   * Where a late joiner starts: at the next chunk, the last one, or the last keyframe while the ring
   * holds it (needs `isKey`; the ring should hold the longest group of pictures). A function is
   * asked for the state to begin with: what it gives is delivered before the next chunk, is read
   * only as it is wanted, and counts in no statistics.
   *
   * @defaultValue `"none"`
   */
  readonly retain?: "none" | "last" | "last-keyframe" | (() => Iterable<T>) | undefined;
  /** Whether a chunk can be decoded by itself. */
  readonly isKey?: ((chunk: T) => boolean) | undefined;
  /** Makes what readers get; called at most once per chunk, when the first subscriber takes it. */
  readonly encode?: ((chunk: T) => E) | undefined;
  /**
   * Makes `writable` wait for the slowest subscriber when the ring is full, instead of dropping;
   * `publish()` throws then, and subscribers take no `overflow`, `highWaterMark` or `maxAgeMs`.
   *
   * @defaultValue `false`
   */
  readonly lossless?: boolean | undefined;
  /**
   * Milliseconds for which subscribers may hold up a lossless hub; then they error with
   * `SPW_ERR_SLOW_CONSUMER`, and the others go on.
   *
   * @defaultValue `10_000`
   */
  readonly deadlineMs?: number | undefined;
}

/** How one subscriber is served when it is slower than the source. */
export interface SubscribeOptions<T> {
  /** @defaultValue `"drop-oldest"` */
  readonly overflow?: Exclude<Overflow<T>, "wait"> | undefined;
  /**
   * Chunks that may wait for this subscriber; never more bytes than the ring may hold.
   *
   * @defaultValue the ring's capacity
   */
  readonly highWaterMark?: number | undefined;
  /**
   * Milliseconds since `publish()` after which a chunk is dropped instead of delivered. Piped to a connection
   * of `@spillway/websocket` it is the age on arrival, as far as that is known: the time on the way counts.
   *
   * @defaultValue `Infinity`
   */
  readonly maxAgeMs?: number | undefined;
  /** Hears of every drop. */
  readonly onDrop?: DropListener<T> | undefined;
  /**
   * Puts a {@link Gap} in line wherever chunks are missing.
   *
   * @defaultValue `false`
   */
  readonly gaps?: false | undefined;
  /** Errors the stream with its reason, and ends the subscription. */
  readonly signal?: AbortSignal | undefined;
}

/** As {@link SubscribeOptions}, for a reader that wants to know where it missed some. */
export interface SubscribeWithGapsOptions<T> extends Omit<SubscribeOptions<T>, "gaps"> {
  readonly gaps: true;
}

/** The options of a hub, checked. */
export interface HubSettings<T, E> {
  readonly maxChunks: number;
  readonly maxSize: number;
  readonly size: (chunk: T) => number;
  readonly retain: "none" | "last" | "last-keyframe";
  readonly snapshot: (() => Iterable<T>) | undefined;
  readonly isKey: ((chunk: T) => boolean) | undefined;
  readonly encode: ((chunk: T) => E) | undefined;
  readonly lossless: boolean;
  readonly deadlineMs: number;
}

/** @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"` */
export function checkHub<T, E>(options: BroadcastOptions<T, E>): HubSettings<T, E> {
  const { capacity = {}, retain } = options;
  const isKey = checkFunction("isKey", options.isKey);
  const words = ["none", "last", "last-keyframe"] as const;
  const [snapshot, word] = typeof retain === "function" ? [retain] : [undefined, retain];
  const start = checkOneOf("retain", word, "none", words);
  if (start === "last-keyframe" && !isKey) {
    throw wrongType("isKey", 'a function with retain "last-keyframe"', isKey);
  }
  const chunks = { min: 1, max: 1 << 20, integer: true };
  return {
    maxChunks: checkNumber("capacity.chunks", capacity.chunks, 256, chunks),
    maxSize: checkNumber("capacity.bytes", capacity.bytes, 8 << 20, { min: 1 }),
    size: measured("size", checkFunction("size", options.size) ?? byteLengthOf),
    retain: start,
    snapshot,
    isKey,
    encode: checkFunction("encode", options.encode),
    lossless: checkBoolean("lossless", options.lossless),
    deadlineMs: checkNumber("deadlineMs", options.deadlineMs, 10_000, {
      min: 1,
      max: MAX_TIMER_MS,
    }),
  };
}

/**
 * Makes what a subscriber gets of the ring: a bare cursor where the policy needs to see nothing of
 * what it drops, a queue for every other.
 *
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 */
export function makeFeed<T, E>(
  options: SubscribeOptions<T> | SubscribeWithGapsOptions<T>,
  ring: Ring<T, E>,
  start: number,
  hub: Pick<HubSettings<T, E>, "lossless" | "size">,
): Feed<T, E> {
  const { overflow = "drop-oldest", onDrop } = options;
  const whole = { min: 1, integer: true };
  const maxChunks = checkNumber("highWaterMark", options.highWaterMark, ring.maxChunks, whole);
  const maxAgeMs = checkNumber("maxAgeMs", options.maxAgeMs, Infinity, { min: Number.MIN_VALUE });
  const gaps = checkBoolean("gaps", options.gaps);
  if (hub.lossless) {
    for (const name of ["overflow", "highWaterMark", "maxAgeMs"] as const) {
      if (options[name] === undefined) continue;
      throw outOfRange(name, "nothing with lossless", options[name]);
    }
  }
  if ((overflow as string) === "wait") throw waits(overflow);
  const policy = overflowPolicy<T>(overflow);
  const limits = { maxChunks, maxAgeMs, gaps, onDrop: checkFunction("onDrop", onDrop) };
  const isLatest = overflow === "latest";
  if ((hub.lossless || !onDrop) && (isLatest || overflow === "drop-oldest")) {
    const cursor = isLatest ? { maxChunks: 1, reason: "replaced" } : { reason: "oldest" };
    return new CursorFeed(ring, start, { ...limits, ...cursor });
  }
  const { maxSize } = ring;
  return new QueueFeed(ring, start, { ...limits, maxSize, size: hub.size, overflow: policy });
}
