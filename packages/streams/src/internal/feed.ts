import type { Gap } from "../gap.ts";
import type { DropReason, Entry, Way } from "../policy.ts";
import type { QueueStats } from "../queue-options.ts";
import type { Slot } from "./ring.ts";

/** A chunk for a subscriber; those from the ring are encoded once for all. */
export type Item<T, E> = Entry<T> & Pick<Slot<T, E>, "encoded">;

/** What one subscriber gets of the ring. Policies and listeners of the user's may throw in here. */
export interface Feed<T, E> {
  /** The position of the first chunk that it has not seen. */
  readonly cursor: number;
  /** Whether there is nothing to take before more is published. */
  readonly isEmpty: boolean;
  /** Chunks published that it has neither taken nor dropped. */
  readonly lag: number;
  next(way: Way): Item<T, E> | Gap | undefined;
  /** Looks at what was published, so that nothing leaves the ring uncounted; with `way` in order to take some. */
  absorb(way?: Way): void;
  /** Drops everything, for good. */
  clear(reason: DropReason): void;
  /** As of the last `absorb()`. */
  stats(): QueueStats;
}
