import type { IncomingMessage } from "node:http";
import { DropCounter, type DropListener, type DropReason, SpillwayError } from "@spillway/streams";
import { checkNumber } from "@spillway/streams/options";
import type { CloseEvent, WebSocket } from "ws";
import type { CloseInfo } from "./close-codes.ts";
import { FlowWindow } from "./flow-window.ts";
import { leaseOf, type MessageChunk } from "./frame.ts";
import { bitratesOf } from "./internal/bitrate.ts";
import { Condition, statesOf } from "./internal/condition.ts";
import { Ending } from "./internal/ending.ts";
import { Heartbeat, type HeartbeatHost } from "./internal/heartbeat.ts";
import type { Held } from "./internal/held.ts";
import { Inbox, type ReceivedMessage, warnOfUnread } from "./internal/inbox.ts";
import { Lane } from "./internal/lane.ts";
import { chunkBytes } from "./internal/message.ts";
import { Outbox } from "./internal/outbox.ts";
import { makeWire } from "./internal/wire.ts";
import {
  type CloseOptions,
  closeSettings,
  type ConnectionSettings,
  type LaneOptions,
} from "./options.ts";
import { type ConnectionState, type ConnectionStats, statsOf } from "./stats.ts";

const NO_BYTES = new Uint8Array(0);

let count = 0;

/** Called with the socket as `this`. */
type Listener<Arguments extends unknown[]> = (this: WebSocket, ...given: Arguments) => void;

/** Whose connection a socket is: its listeners are the same functions for all. */
const connections = new WeakMap<WebSocket, Connection>();

/** Adds what a connection holds in memory. */
export let holdings: (connection: Connection, held: Held) => void;

/** One WebSocket as a pair of streams on one account. Made by `accept()`. */
export class Connection {
  static {
    holdings = (connection, held) => {
      connection.#lazyOutbox?.hold(held);
      held.count(connection.#lazyInbox?.queued ?? 0);
    };
  }

  /** The upgrade request. */
  readonly request: IncomingMessage;
  readonly #number: number = ++count;
  readonly #socket: WebSocket;
  readonly #settings: ConnectionSettings;
  readonly #connectedAt: number = performance.now();
  readonly #heartbeat: Heartbeat<Connection> | undefined;
  // The rest comes when it is needed: most of many connections are idle.
  #lazyFlow: FlowWindow | undefined;
  #lazyOutbox: Outbox | undefined;
  #lazyInbox: Inbox | undefined;
  #lazyEnding: Ending | undefined;
  #lazyDrops: DropCounter | undefined;
  #condition: Condition | undefined;
  #recordDrop: DropListener<unknown> | undefined;
  #pongs = 0;
  #main: Lane | undefined;

  /** Use `accept()`, which checks the options. */
  constructor(socket: WebSocket, request: IncomingMessage, settings: ConnectionSettings) {
    this.#socket = socket;
    this.request = request;
    this.#settings = settings;
    const { heartbeat } = settings;
    if (heartbeat) this.#heartbeat = new Heartbeat(this, heartbeat, Connection.#pulse);
    connections.set(socket, this);
    // The emitter calls them with the socket as `this`.
    /* oxlint-disable typescript/unbound-method */
    socket.on("message", Connection.#onMessage);
    socket.on("pong", Connection.#onPong);
    socket.on("error", Connection.#onError);
    socket.on("close", Connection.#onUnused);
    /* oxlint-enable typescript/unbound-method */
  }

  /** Unique in this process. */
  get id(): string {
    return `c${this.#number}`;
  }

  /** The subprotocol agreed on, or `""`. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /**
   * Messages from the peer, text as strings, binary as bytes.
   *
   * Backpressure: messages wait to the mark (bytes), then TCP pauses until half of them are read.
   */
  get readable(): ReadableStream<ReceivedMessage> {
    return this.#inbox.readable;
  }

  /**
   * Messages to the peer, one per chunk; buffers belong to the connection once written.
   *
   * Backpressure: `ready` and `write()` wait while the socket holds `highWaterMark` bytes or the
   * peer leaves `window` bytes unacknowledged. Closing it closes the connection with 1000.
   */
  get writable(): WritableStream<MessageChunk> {
    this.#main ??= new Lane(this.#outbox, 0, Infinity, {
      closing: () => this.#ending.expect(this.#settings.closeTimeoutMs),
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
    return this.#ending.closed;
  }

  /** Aborts when the connection ends, with the error its streams got. Hand it to producers. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** How the connection does at this moment; {@link states} tells of changes. */
  get state(): ConnectionState {
    const parts = {
      isDead: this.#lazyEnding?.error !== undefined,
      isPaused: this.#lazyInbox?.paused ?? false,
      account: this.#lazyOutbox?.account,
      flow: this.#lazyFlow,
    };
    this.#condition ??= new Condition(this.#connectedAt);
    return this.#condition.look(parts, performance.now());
  }

  /** Share of the time without room to send, of late: 0 to 1. */
  get congestion(): number {
    return this.#lazyOutbox?.account.congestion ?? 0;
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
   * Closing or aborting it ends the lane, not the connection.
   *
   * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
   */
  lane(options: LaneOptions = {}): WritableStream<MessageChunk> {
    const priority = checkNumber("priority", options.priority, 0, { min: -1000, max: 1000 });
    const mark = checkNumber("highWaterMark", options.highWaterMark, 65_536, { min: 1 });
    const lane = new Lane(this.#outbox, priority, mark, {
      closed: (closing) => {
        this.#outbox.remove(closing);
        return undefined;
      },
      aborted: (aborted, reason) => this.#outbox.drop(aborted, reason),
    });
    return lane.stream;
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
      const taken = this.#outbox.offer(data);
      if (!taken) this.#drops.count("refused", 1, chunkBytes(data) ?? 0);
      return taken;
    } finally {
      lease?.free();
    }
  }

  /** Bills a drop in a stage before this connection to it; made to be an `onDrop` option. */
  get recordDrop(): DropListener<unknown> {
    this.#recordDrop ??= ({ chunk, size }, reason) => {
      this.#drops.count(reason, 1, chunkBytes(chunk) ?? size);
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
    const { closeTimeoutMs } = this.#settings;
    const { closeCode, reason, drain, deadlineMs } = closeSettings(options, closeTimeoutMs);
    this.#ending.close(closeCode, reason, drain, deadlineMs);
  }

  /**
   * Ends the connection because of `error`: both streams error with it at once, what was queued is
   * dropped, the peer gets the matching close code and has a second to take it.
   */
  fail(error: SpillwayError): void {
    this.#ending.fail(error);
  }

  /** Drops the socket at once; both streams error with `error`. */
  terminate(error?: SpillwayError): void {
    const message = "Cannot go on: the connection was terminated";
    this.#ending.terminate(error ?? new SpillwayError("SPW_ERR_ABORTED", message));
  }

  /** The account at this moment. */
  stats(): ConnectionStats {
    const { state } = this;
    return statsOf({
      state,
      stateForMs: this.#condition?.lasts(performance.now()) ?? 0,
      settings: this.#settings,
      outbox: this.#lazyOutbox,
      inbox: this.#lazyInbox,
      flow: this.#lazyFlow,
      drops: this.#drops,
      connectedAt: this.#connectedAt,
    });
  }

  #receive(data: Buffer, isBinary: boolean): void {
    const limit = this.#settings.maxMessageBytes;
    if (data.byteLength <= limit) {
      this.#inbox.receive(data, isBinary);
      return;
    }
    const message = `Cannot receive message of ${data.byteLength} bytes: the limit is ${limit} bytes`;
    this.fail(new SpillwayError("SPW_ERR_MESSAGE_TOO_BIG", message));
  }

  async #closeAndWait(): Promise<void> {
    this.close();
    const { wasClean } = await this.closed;
    if (!wasClean) throw this.#ending.error;
  }

  get #flow(): FlowWindow | undefined {
    const { window } = this.#settings;
    if (window === false) return undefined;
    this.#lazyFlow ??= new FlowWindow(window, {
      ping: (payload) => this.#ping(payload),
      opened: () => {
        this.#outbox.account.progress();
        this.#outbox.pump();
      },
    });
    return this.#lazyFlow;
  }

  get #outbox(): Outbox {
    if (!this.#lazyOutbox) {
      const ending = this.#ending;
      this.#lazyOutbox = new Outbox(
        ending,
        (messages, bytes) => this.#drops.count("closed", messages, bytes),
        // Public, where `ws` keeps its own to itself.
        (host) => makeWire(this.#socket, this.request.socket, host),
        this.#flow,
        this.#settings,
      );
      ending.tellOutbox(this.#lazyOutbox);
    }
    return this.#lazyOutbox;
  }

  get #inbox(): Inbox {
    if (!this.#lazyInbox) {
      const host = {
        pause: () => {
          this.#socket.pause();
          // Last: there may be room now, for which something is read, and so reading goes on.
          this.#flow?.suspend();
        },
        resume: () => {
          this.#socket.resume();
          this.#flow?.resume();
        },
        dropped: (bytes: number, reason: DropReason) => this.#drops.count(reason, 1, bytes),
        unread: () => warnOfUnread(this.id),
      };
      this.#lazyInbox = new Inbox(host, this.#settings);
      this.#ending.tellInbox(this.#lazyInbox);
    }
    return this.#lazyInbox;
  }

  get #ending(): Ending {
    if (!this.#lazyEnding) {
      this.#lazyEnding = new Ending(this.#socket, this.#settings.closeTimeoutMs, () => {
        this.#heartbeat?.stop();
        this.#lazyFlow?.dispose();
      });
      // Says whether both Close frames were seen; `on("close")` does not.
      this.#socket.addEventListener("close", Connection.#onClose);
    }
    return this.#lazyEnding;
  }

  get #drops(): DropCounter {
    this.#lazyDrops ??= new DropCounter();
    return this.#lazyDrops;
  }

  #ping(payload: Uint8Array = NO_BYTES): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#lazyOutbox) this.#lazyOutbox.ping(payload);
    else this.#socket.ping(payload);
  }

  static readonly #onMessage: Listener<[data: Buffer, isBinary: boolean]> = function (
    data,
    isBinary,
  ) {
    const connection = connections.get(this);
    if (connection) connection.#receive(data, isBinary);
  };

  static readonly #onPong: Listener<[payload: Buffer]> = function (payload) {
    const connection = connections.get(this);
    if (!connection) return;
    connection.#pongs++;
    connection.#lazyFlow?.pong(payload);
  };

  static readonly #onError: Listener<[cause: Error]> = function (cause) {
    const connection = connections.get(this);
    if (connection) connection.#ending.lost(cause);
  };

  /** Of one that nobody has asked for anything; a listener for events takes more memory. */
  static readonly #onUnused: Listener<[code: number, reason: Buffer]> = function (code, reason) {
    const connection = connections.get(this);
    if (!connection || connection.#lazyEnding) return;
    // Only a Close frame of the peer brings another code, and `ws` answers it.
    const wasClean = code !== 1006;
    connection.#ending.over({ closeCode: code, reason: reason.toString(), wasClean });
  };

  static #onClose(this: void, { code, reason, target, wasClean }: CloseEvent): void {
    const connection = connections.get(target);
    if (connection) connection.#ending.over({ closeCode: code, reason, wasClean });
  }

  static readonly #pulse: HeartbeatHost<Connection> = {
    isPaused: (connection) => connection.#lazyInbox?.paused ?? false,
    progress: (connection) => connection.#signs,
    probe: (connection) => connection.#lazyInbox?.probe(),
    ping: (connection) => (connection.#lazyFlow ? connection.#lazyFlow.ping() : connection.#ping()),
    dead: (connection, silentMs, limitMs) => {
      const silent = `silent for ${Math.round(silentMs)} ms`;
      const message = `Cannot reach peer: ${silent} and the limit is ${limitMs} ms`;
      connection.fail(new SpillwayError("SPW_ERR_TIMEOUT", message));
    },
  };

  /** Grows with every sign of life. */
  get #signs(): number {
    const read = this.request.socket?.bytesRead ?? 0;
    const received = read + this.#pongs + (this.#lazyInbox?.messages ?? 0);
    if (!this.#lazyOutbox) return received;
    const { sentBytes, account } = this.#lazyOutbox;
    return received + (this.#lazyFlow?.moved ?? sentBytes - account.buffered);
  }
}
