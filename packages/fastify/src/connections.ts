import { DropCounter, type DropCounts, SpillwayError } from "@spillway/streams";
import { type Connection, heldBytes } from "@spillway/websocket";

/** Totals over the plugin's life, ended connections included; sizes in wire bytes. */
export interface SpillwayStats {
  /** Open now. */
  readonly connections: number;
  readonly accepted: number;
  readonly evicted: number;
  readonly queuedBytes: number;
  readonly bufferedBytes: number;
  readonly inFlightBytes: number;
  /** In this process for all of them, received included; frames and buffers that they share count once. */
  readonly heldBytes: number;
  readonly sentMessages: number;
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly receivedBytes: number;
  /** By reason; a chunk is a message. */
  readonly dropped: DropCounts;
  readonly backpressureMs: number;
}

const SUMMED = [
  "sentMessages",
  "sentBytes",
  "receivedMessages",
  "receivedBytes",
  "backpressureMs",
] as const;

const HELD = ["queuedBytes", "bufferedBytes", "inFlightBytes"] as const;

/** Milliseconds between looks for connections that do not move. */
const WATCH_EVERY_MS = 1_000;

/** The live connections, and the totals of those that have ended. */
export class Connections {
  readonly live: Set<Connection> = new Set<Connection>();
  /** Those whose counters are not in the totals yet. */
  readonly #counting = new Set<Connection>();
  readonly #ended = {
    sentMessages: 0,
    sentBytes: 0,
    receivedMessages: 0,
    receivedBytes: 0,
    backpressureMs: 0,
  };
  readonly #drops = new DropCounter();
  readonly #watch: NodeJS.Timeout;
  #accepted = 0;
  #evicted = 0;

  constructor(stalledForMs: number) {
    this.#watch = setInterval(() => this.#evict(stalledForMs), WATCH_EVERY_MS).unref();
  }

  add(connection: Connection): void {
    this.#accepted++;
    this.live.add(connection);
    this.#counting.add(connection);
    void connection.closed.then(() => {
      this.live.delete(connection);
      // The stages of its pipe report their last drops in the turn in which it ends.
      setImmediate(() => this.#count(connection));
    });
  }

  stats(): SpillwayStats {
    const held = { queuedBytes: 0, bufferedBytes: 0, inFlightBytes: 0 };
    const sums = { ...this.#ended };
    const drops = new DropCounter();
    addDrops(drops, this.#drops.counts());
    for (const connection of this.#counting) {
      const stats = connection.stats();
      for (const name of SUMMED) sums[name] += stats[name];
      for (const name of HELD) held[name] += stats[name] ?? 0;
      addDrops(drops, stats.dropped);
    }
    return {
      connections: this.live.size,
      accepted: this.#accepted,
      evicted: this.#evicted,
      ...held,
      heldBytes: heldBytes(this.live),
      ...sums,
      dropped: drops.counts(),
    };
  }

  /** Ends every connection; resolves once their sockets are gone, `graceMs` later at most. */
  async shutdown(graceMs: number): Promise<void> {
    clearInterval(this.#watch);
    const all = [...this.live].map((connection) => {
      connection.close({
        closeCode: 1001,
        reason: "The server is shutting down",
        deadlineMs: graceMs,
      });
      return connection.closed;
    });
    await Promise.all(all);
  }

  #evict(stalledForMs: number): void {
    for (const connection of this.live) {
      const stalled = connection.stats().stalledForMs;
      if (stalled < stalledForMs || connection.signal.aborted) continue;
      this.#evicted++;
      const message =
        `Cannot keep slow consumer: stalled for ${Math.round(stalled)} ms and the limit is ` +
        `${stalledForMs} ms; try again later`;
      connection.fail(new SpillwayError("SPW_ERR_SLOW_CONSUMER", message));
    }
  }

  #count(connection: Connection): void {
    this.#counting.delete(connection);
    const stats = connection.stats();
    for (const name of SUMMED) this.#ended[name] += stats[name];
    addDrops(this.#drops, stats.dropped);
  }
}

function addDrops(drops: DropCounter, { reasons }: DropCounts): void {
  for (const [reason, tally] of Object.entries(reasons)) {
    if (tally) drops.count(reason, tally.chunks, tally.size);
  }
}
