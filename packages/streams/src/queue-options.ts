import type { DropCounts } from "./drops.ts";
import type { Overflow } from "./overflow.ts";
import type { DropListener } from "./policy.ts";

/** The bounds of a `BoundedQueue`, all three at work at once, and what happens at them. */
export interface QueueOptions<T> {
  /**
   * Chunks the queue may hold.
   *
   * @defaultValue `1_024`
   */
  readonly maxChunks?: number | undefined;
  /**
   * Sum of sizes the queue may hold, in the unit of `size`. One larger chunk enters an empty queue.
   *
   * @defaultValue `Infinity`: only `maxChunks` bounds
   */
  readonly maxSize?: number | undefined;
  /**
   * Milliseconds a chunk may wait, the time on its way to where ages count included, as far as that is known;
   * what is older is dropped, never delivered.
   *
   * @defaultValue `Infinity`
   */
  readonly maxAgeMs?: number | undefined;
  /**
   * Measures a chunk: a finite number, 0 or more.
   *
   * @defaultValue 1 for every chunk
   */
  readonly size?: ((chunk: T) => number) | undefined;
  /** @defaultValue `"wait"` */
  readonly overflow?: Overflow<T> | undefined;
  /** Hears of every drop. */
  readonly onDrop?: DropListener<T> | undefined;
  /**
   * Whether the queue remembers where in line it dropped something; see
   * `takeGap()`.
   *
   * @defaultValue `false`
   */
  readonly gaps?: boolean | undefined;
  /**
   * The clock, in milliseconds.
   *
   * @defaultValue `performance.now` when `maxAgeMs` is finite, else none: reading it costs more than
   * all the rest
   */
  readonly now?: (() => number) | undefined;
}

/** Everything offered is delivered, dropped or queued: `offered = delivered + dropped + queued`. */
export interface QueueStats {
  readonly offered: number;
  readonly delivered: number;
  readonly queued: number;
  /** Sum of the sizes queued. */
  readonly queuedSize: number;
  readonly dropped: DropCounts;
}
