import type { Gap } from "./gap.ts";
import { Hub, type BroadcastStats } from "./internal/hub.ts";
import {
  type BroadcastOptions,
  checkHub,
  type SubscribeOptions,
  type SubscribeWithGapsOptions,
} from "./internal/hub-options.ts";
import type { SubscriberStats } from "./internal/subscription.ts";

export type { BroadcastStats } from "./internal/hub.ts";
export type {
  BroadcastOptions,
  SubscribeOptions,
  SubscribeWithGapsOptions,
} from "./internal/hub-options.ts";
export type { SubscriberStats } from "./internal/subscription.ts";

/** One source, any number of subscribers, one shared ring. */
export interface Broadcast<T, E = T> {
  /**
   * Offers `chunk` to every subscriber; never waits for one.
   *
   * @throws {@link SpillwayError} with `SPW_ERR_CLOSED` after the hub has ended, with `SPW_ERR_CHUNK`
   * when `size` gives no finite number ≥ 0, with `SPW_ERR_OVERFLOW` when a lossless hub is full
   */
  publish(chunk: T): void;
  /**
   * The same as a stream, which waits for the slowest subscriber of a lossless hub: closing it closes the hub, aborting it errors every subscriber, and so does
   * a chunk that cannot be published. It errors when the hub is ended otherwise.
   */
  readonly writable: WritableStream<T>;
  /** A stream of what is published from now on, or from what is retained. */
  subscribe(options?: SubscribeOptions<T>): ReadableStream<E>;
  subscribe(options: SubscribeWithGapsOptions<T>): ReadableStream<E | Gap>;
  /** Ends every subscriber once it has read what waits for it. */
  close(): void;
  /** Errors every subscriber with `reason`. */
  abort(reason: unknown): void;
  stats(): BroadcastStats;
  /** How one of its subscribers is served; `undefined` for any other stream, or once it has ended. */
  statsOf(readable: ReadableStream<unknown>): SubscriberStats | undefined;
}

/**
 * Makes a hub: one shared ring, one cursor per subscriber, an overflow policy per subscriber.
 *
 * Backpressure: `publish()` never waits. A subscriber that falls behind drops by its own policy, and
 * what has left the ring is counted as `"lagged"`; no subscriber slows another or the producer.
 * Memory is that of the ring, whatever the number of subscribers.
 *
 * @param options - the ring's capacity, what late joiners get, how chunks are encoded
 * @returns the hub
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import { broadcast } from "@spillway/streams";
 *
 * const prices = broadcast<{ symbol: string; price: number }, string>({
 *   capacity: { chunks: 128 },
 *   encode: (quote) => JSON.stringify(quote),
 * });
 * const newest = prices.subscribe({ overflow: "latest" });
 * prices.publish({ symbol: "SPW", price: 42 });
 * ```
 */
export function broadcast<T, E = T>(options: BroadcastOptions<T, E> = {}): Broadcast<T, E> {
  const hub = new Hub<T, E>(checkHub(options));
  function subscribe(how?: SubscribeOptions<T>): ReadableStream<E>;
  function subscribe(how: SubscribeWithGapsOptions<T>): ReadableStream<E | Gap>;
  function subscribe(how: SubscribeOptions<T> | SubscribeWithGapsOptions<T> = {}): ReadableStream {
    return hub.subscribe(how);
  }
  return {
    publish: (chunk) => hub.publish(chunk),
    get writable(): WritableStream<T> {
      return hub.writable;
    },
    subscribe,
    close: () => hub.end("closed"),
    abort: (reason) => hub.end("aborted", reason),
    stats: () => hub.stats(),
    statsOf: (readable) => hub.statsOf(readable),
  };
}
