import type { Broadcast } from "./broadcast.ts";
import { type LayeredSettings, LayeredView } from "./internal/layered-view.ts";
import { ReadableEnd } from "./internal/readable-end.ts";
import { requireNumber } from "./internal/required.ts";
import { usePump } from "./internal/use-pump.ts";
import { keyframes, type KeyframesOptions } from "./keyframes.ts";
import { checkFunction, outOfRange, wrongType } from "./options.ts";
import type { DropListener } from "./policy.ts";

/** One quality of a video. */
export interface Layer<T, E = T> {
  /** Where its pictures are published. */
  readonly hub: Broadcast<T, E>;
  /** Bits a second that it needs. */
  readonly bitsPerSecond: number;
}

/** How one viewer of {@link layers} is served. */
export interface LayeredOptions<T> {
  /** What there is room for, in bits a second, and each change: `connection.targetBitrate`. */
  readonly targetBitrate: AsyncIterable<number>;
  /** As of a hub. */
  readonly highWaterMark?: number | undefined;
  /** As of a hub: milliseconds since `publish()`, on arrival where that is known. */
  readonly maxAgeMs?: number | undefined;
  /** Hears of every drop in the layer that is watched. */
  readonly onDrop?: DropListener<T> | undefined;
  /** Hears of every switch, with the number of the layer that comes now. */
  readonly onLayer?: ((layer: number) => void) | undefined;
  /** Errors the stream with its reason, and ends the subscription. */
  readonly signal?: AbortSignal | undefined;
}

/** What a viewer of {@link layers} watches. */
export interface LayeredStats {
  /** The number of the layer; 0 is the least. */
  readonly layer: number;
  readonly switches: number;
}

/** A video in several qualities. */
export interface Layers<T, E = T> {
  /** A stream of the pictures that there is room for, beginning with the least layer. */
  subscribe(options: LayeredOptions<T>): ReadableStream<E>;
  /** What a viewer watches; `undefined` for any other stream. */
  statsOf(readable: ReadableStream<unknown>): LayeredStats | undefined;
}

/**
 * Makes one source of several qualities of the same video: each viewer gets the best that there is room for.
 *
 * A viewer goes up when its target bitrate is a fifth more than the better layer needs, and down when it
 * is less than its own does, always to a keyframe published after that: until it comes the layer before
 * goes on. From one climb to the next it stays for three seconds; who goes down within ten seconds of going
 * up waits for ten, then twenty, at most 120 seconds before the next try. Neighbours should need at
 * most three times as much as one another, or `targetBitrate` of a connection never gets there.
 *
 * Backpressure: that of a hub. Pictures wait in the queue of the viewer's layer and are dropped by
 * {@link keyframes}; of the layer to come at most one waits beside it.
 *
 * @param qualities - from the least to the best
 * @param options - those of {@link keyframes}, which is the policy of every viewer
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { broadcast, layers } from "@spillway/streams";
 *
 * const [low, high] = [broadcast<EncodedVideoChunk>(), broadcast<EncodedVideoChunk>()];
 * const camera = layers(
 *   [
 *     { hub: low, bitsPerSecond: 400_000 },
 *     { hub: high, bitsPerSecond: 1_200_000 },
 *   ],
 *   { isKey: (picture) => picture.type === "key" },
 * );
 * ```
 */
export function layers<T, E = T>(
  qualities: readonly Layer<T, E>[],
  options: KeyframesOptions<T>,
): Layers<T, E> {
  if (!Array.isArray(qualities)) throw wrongType("qualities", "an array of layers", qualities);
  if (qualities.length === 0) throw outOfRange("qualities", "at least one layer", qualities.length);
  // Checks them.
  keyframes(options);
  const needs = qualities.map(({ bitsPerSecond }, layer) => {
    const name = `qualities[${layer}].bitsPerSecond`;
    const least = qualities[layer - 1]?.bitsPerSecond ?? Number.MIN_VALUE;
    return requireNumber(name, bitsPerSecond, { min: least });
  });
  usePump();
  const hubs = qualities.map(({ hub }) => hub);
  const settings: LayeredSettings<T, E> = { hubs, needs, pictures: options };
  const views = new WeakSet<object>();
  return {
    subscribe: (how) => {
      if (typeof how?.targetBitrate?.[Symbol.asyncIterator] !== "function") {
        throw wrongType("targetBitrate", "an async iterable of numbers", how?.targetBitrate);
      }
      checkFunction("onLayer", how.onLayer);
      const view = new LayeredView<T, E>(settings, how);
      views.add(view);
      return view.end.stream;
    },
    statsOf: (readable) => {
      const view = ReadableEnd.of(readable)?.source;
      if (!view || !views.has(view)) return undefined;
      const { layer, switches } = view as LayeredView<T, E>;
      return { layer, switches };
    },
  };
}
