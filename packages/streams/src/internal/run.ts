import { CursorFeed } from "./cursor-feed.ts";
import type { Source } from "./protocol.ts";
import type { Ring } from "./ring.ts";
import { Subscription } from "./subscription.ts";

/** Chunks of a run; what is more comes in the next. */
const MAX_CHUNKS = 128;

/** Runs that are remembered, for subscribers that come to the same place. */
const MAX_RUNS = 8;

interface Run {
  readonly from: number;
  readonly chunks: readonly unknown[];
}

/** What subscribers of a hub were given lately; whoever adds to it lets go what has left the ring. */
const lately = new WeakMap<Ring<unknown, unknown>, Run[]>();

/**
 * What hands on several chunks at once of a subscriber of a hub. Subscribers at the same place are given
 * the same array, so that what is made of it can be shared.
 *
 * @param put - takes as many as it can, in order, and tells how many
 * @returns `undefined` for any other source; else it tells how many were taken, 0 where chunks have to
 *   come one by one
 */
export function runsOf<E>(
  source: Source<E>,
  put: (chunks: readonly E[]) => number,
): (() => number) | undefined {
  if (!(source instanceof Subscription)) return undefined;
  const { feed } = source as Subscription<unknown, E>;
  if (!(feed instanceof CursorFeed) || feed.gaps) return undefined;
  return () => takeRun(source, feed, put);
}

function takeRun<T, E>(
  source: Subscription<T, E>,
  feed: CursorFeed<T, E>,
  put: (chunks: readonly E[]) => number,
): number {
  if (feed.lag < 2) return 0;
  source.absorb(source.end);
  const { cursor, lag, ring } = feed;
  if (lag < 2 || source.snapshot) return 0;
  const chunks = runAt(ring, cursor, Math.min(lag, MAX_CHUNKS), source);
  // `encode` is the user's, and may have ended it.
  if (!chunks || feed.cursor !== cursor || ring.first > cursor) return 0;
  const taken = put(chunks as readonly E[]);
  if (taken === 0) return 0;
  feed.move(cursor + taken);
  source.host.passed(cursor);
  return taken;
}

function runAt<T, E>(
  ring: Ring<T, E>,
  from: number,
  length: number,
  source: Subscription<T, E>,
): readonly unknown[] | undefined {
  const runs = lately.get(ring) ?? [];
  for (const run of runs) if (run.from === from && run.chunks.length === length) return run.chunks;
  const chunks: unknown[] = [];
  try {
    for (let at = from; at < from + length; at++) chunks.push(source.encoded(ring.at(at)));
  } catch {
    return undefined; // It throws again for the one who is given that chunk.
  }
  const held = runs.filter((run) => run.from >= ring.first).slice(1 - MAX_RUNS);
  lately.set(ring, [...held, { from, chunks }]);
  return chunks;
}
