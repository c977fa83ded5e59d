import type { IncomingMessage } from "node:http";
import { type DropListener, SpillwayError } from "@spillway/streams";
import { innerProtocol } from "@spillway/streams/protocol";
import type { WebSocket } from "ws";
import type { CloseInfo } from "./close-codes.ts";
import { type LaneChunk, leaseOf, type MessageChunk } from "./frame.ts";
import { bitratesOf } from "./internal/bitrate.ts";
import { Condition, statesOf } from "./internal/condition.ts";
import type { Held } from "./internal/held.ts";
import type { ReceivedMessage } from "./internal/inbox.ts";
import { Lane } from "./internal/lane.ts";
import { Link } from "./internal/link.ts";
import { chunkBytes } from "./internal/message.ts";
import { laneStream, type LaneStream } from "./lane-stream.ts";
import {
  type CloseOptions,
  closeSettings,
  type ConnectionSettings,
  type LaneOptions,
  laneSettings,
} from "./options.ts";
import { type ConnectionState, type ConnectionStats, statsOf, statsOfLane } from "./stats.ts";

let count = 0;

/** Adds what a connection holds in memory. */
export let holdings: (connection: Connection, held: Held) => void;

/** One WebSocket as a pair of streams on one account. Made by `accept()`. */
export class Connection {
  static {
    holdings = (connection, held) => {
      const { inboxIfAny, outboxIfAny } = connection.#link;
      outboxIfAny?.hold(held);
      held.count(inboxIfAny?.queued ?? 0);
    };
  }

  /** The upgrade request. */
  readonly request: IncomingMessage;
  readonly #number: number = ++count;
  readonly #socket: WebSocket;
  readonly #link: Link;
  readonly #connectedAt: number = performance.now();
  #condition: Condition | undefined;
  #recordDrop: DropListener<unknown> | undefined;
  #main: Lane | undefined;

  /** Use `accept()`, which checks the options. */
  constructor(socket: WebSocket, request: IncomingMessage, settings: ConnectionSettings) {
    this.request = request;
    this.#socket = socket;
    this.#link = new Link(this.id, socket, request, settings);
  }

  /** Unique in this process. */
  get id(): string {
    return `c${this.#number}`;
  }

  /** The subprotocol agreed on, or `""`. */
  get protocol(): string {
    const { protocol } = this.#socket;
    return innerProtocol(protocol) ?? protocol;
  }

  /**
   * Messages from the peer, text as strings, binary as bytes.
   *
   * Backpressure: messages wait to the mark (bytes), then TCP pauses until half of them are read.
   */
  get readable(): ReadableStream<ReceivedMessage> {
    return this.#link.inbox.readable;
  }

  /**
   * Messages to the peer, one per chunk; buffers belong to the connection once written.
   *
   * Backpressure: `ready` and `write()` wait while the socket holds `highWaterMark` bytes or the
   * peer leaves `window` bytes unacknowledged. Closing it closes the connection with 1000.
   */
  get writable(): WritableStream<LaneChunk> {
    const { credits, outbox, settings } = this.#link;
    const shares = { priority: 0, highWaterMark: Infinity, credit: credits?.main };
    this.#main ??= new Lane(outbox, shares, {
      closing: () => this.#link.ending.expect(settings.closeTimeoutMs),
      closed: () => this.#closeAndWait(),
      aborted: (_lane, cause) => {
        const message = `Cannot send message: the writable was aborted`;
        this.fail(
          cause instanceof SpillwayError
            ? cause
            : new SpillwayError("SPW_ERR_ABORTED", message, { cause }),
        );
      },
    });
    return this.#main.stream;
  }

  /** Settles once the socket is gone; never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#link.ending.closed;
  }

  /** Aborts when the connection ends, with the error its streams got. Hand it to producers. */
  get signal(): AbortSignal {
    return this.#link.ending.signal;
  }

  /** How the connection does at this moment; {@link states} tells of changes. */
  get state(): ConnectionState {
    const link = this.#link;
    const parts = {
      isDead: link.endingIfAny?.error !== undefined,
      isPaused: link.inboxIfAny?.paused ?? false,
      account: link.outboxIfAny?.account,
      flow: link.flowIfAny,
      credits: link.credits,
    };
    this.#condition ??= new Condition(this.#connectedAt);
    return this.#condition.look(parts, performance.now());
  }

  /** Share of the time without room to send, of late: 0 to 1. */
  get congestion(): number {
    return this.#link.outboxIfAny?.account.congestion ?? 0;
  }

  /**
   * Bits a second that a source which adapts should send, and each change of it, until the connection is dead:
   * below what the path takes while it is congested, and carefully more while it is not. The first is told
   * after a second of sending. Whoever reads slowly misses those that have passed meanwhile.
   */
  get targetBitrate(): AsyncIterable<number> {
    return bitratesOf([this], 0, () => this.state === "dead");
  }

  /**
   * The state, and each that follows, until the connection is dead. Whoever reads slowly misses those that
   * have passed meanwhile.
   *
   * @example
   * ```ts
   * import type { Connection } from "@spillway/websocket";
   *
   * async function log(connection: Connection): Promise<void> {
   *   for await (const state of connection.states()) console.log(connection.id, state);
   * }
   * ```
   */
  states(): AsyncIterableIterator<ConnectionState, void, void> {
    return statesOf(this);
  }

  /**
   * Another writable on the same account, with its own lock; messages of all lanes interleave.
   * Closing or aborting it ends the lane, not the connection. A `name` makes it a stream of its own for a
   * peer that speaks `spillway.v1`; for any other its messages are among those of all lanes.
   *
   * @returns the writable, which also tells how the lane does
   * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
   */
  lane(options: LaneOptions = {}): LaneStream {
    const { highWaterMark, name, onResync, priority } = laneSettings(options);
    const { credits, outbox } = this.#link;
    const credit = name === undefined ? credits?.main : credits?.open(name);
    if (credit && onResync) credit.resync = onResync;
    const lane = new Lane(
      outbox,
      { priority, highWaterMark, credit },
      {
        closed: (closing) => {
          outbox.remove(closing);
          return undefined;
        },
        aborted: (aborted, reason) => outbox.drop(aborted, reason),
      },
    );
    return laneStream(lane.stream, () => statsOfLane(name, this.stats()));
  }

  /**
   * Sends a message now or not at all.
   *
   * Backpressure: never waits; a message refused for want of room is counted as `"refused"`.
   *
   * @returns whether the message was taken
   * @throws {@link SpillwayError} with `SPW_ERR_CHUNK` for what is no message
   */
  send(data: MessageChunk): boolean {
    const lease = leaseOf(data);
    lease?.hold();
    try {
      const taken = this.#link.outbox.offer(data);
      if (!taken) this.#link.drops.count("refused", 1, chunkBytes(data) ?? 0);
      return taken;
    } finally {
      lease?.free();
    }
  }

  /** Bills a drop in a stage before this connection to it; made to be an `onDrop` option. */
  get recordDrop(): DropListener<unknown> {
    this.#recordDrop ??= ({ chunk, size }, reason) => {
      this.#link.drops.count(reason, 1, chunkBytes(chunk) ?? size);
      const lease = leaseOf(chunk);
      lease?.hold();
      lease?.free();
    };
    return this.#recordDrop;
  }

  /**
   * Ends the connection in order: what was written, then a Close frame. `closed` tells how it went.
   *
   * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
   */
  close(options: CloseOptions = {}): void {
    const { closeTimeoutMs } = this.#link.settings;
    const { closeCode, reason, drain, deadlineMs } = closeSettings(options, closeTimeoutMs);
    this.#link.ending.close(closeCode, reason, drain, deadlineMs);
  }

  /**
   * Ends the connection because of `error`: both streams error with it at once, what was queued is
   * dropped, the peer gets the matching close code and has a second to take it.
   */
  fail(error: SpillwayError): void {
    this.#link.ending.fail(error);
  }

  /** Drops the socket at once; both streams error with `error`. */
  terminate(error?: SpillwayError): void {
    const message = "Cannot go on: the connection was terminated";
    this.#link.ending.terminate(error ?? new SpillwayError("SPW_ERR_ABORTED", message));
  }

  /** The account at this moment. */
  stats(): ConnectionStats {
    const { state } = this;
    return statsOf({
      state,
      stateForMs: this.#condition?.lasts(performance.now()) ?? 0,
      link: this.#link,
      connectedAt: this.#connectedAt,
    });
  }

  async #closeAndWait(): Promise<void> {
    this.close();
    const { wasClean } = await this.closed;
    if (!wasClean) throw this.#link.ending.error;
  }
}
