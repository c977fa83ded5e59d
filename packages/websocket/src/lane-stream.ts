import type { LaneChunk } from "./frame.ts";
import { bitratesOf } from "./internal/bitrate.ts";
import type { LaneStats } from "./stats.ts";

/** A writable of a connection that tells how it does. Made by `connection.lane()`. */
export interface LaneStream extends WritableStream<LaneChunk> {
  /**
   * As {@link Connection.targetBitrate}, of this lane: of a peer that says what it reads; for any other, that of the
   * connection.
   */
  readonly targetBitrate: AsyncIterable<number>;
  /** Its account at this moment; with a peer that does not tell lanes apart, that of the connection. */
  stats(): LaneStats;
}

/** Has a writable tell how it does. */
export function laneStream(stream: WritableStream<LaneChunk>, stats: () => LaneStats): LaneStream {
  const told = {
    stats,
    get targetBitrate(): AsyncIterable<number> {
      return bitratesOf([{ stats }], 0, () => stats().state === "dead");
    },
  };
  return Object.defineProperties(stream, Object.getOwnPropertyDescriptors(told)) as LaneStream;
}
