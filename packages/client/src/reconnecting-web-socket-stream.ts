import { type DropReason, type Gap } from "@spillway/streams";
import { checkClose, type WebSocketCloseInfo } from "./close-info.ts";
import { toAddress } from "./internal/address.ts";
import { type Deferred, deferred } from "@spillway/streams/ends";
import type { ReceivedMessage, SentMessage } from "./internal/message.ts";
import type { PlatformClose } from "./internal/platform.ts";
import { Feeds } from "./internal/reconnect/feeds.ts";
import type { Link, LinkInfo } from "./internal/reconnect/link.ts";
import { watchPage } from "./internal/reconnect/page.ts";
import { Reconnector } from "./internal/reconnect/reconnector.ts";
import { Sender } from "./internal/reconnect/sender.ts";
import { Totals } from "./internal/reconnect/totals.ts";
import {
  laneSettings,
  type ReconnectingLaneOptions,
  type ReconnectingOptions,
  reconnectingSettings,
} from "./reconnect-options.ts";
import type { ReconnectState } from "./reconnect-state.ts";
import type { ReconnectingStats } from "./reconnecting-stats.ts";
import { closedError, closeFor, connectionError, WebSocketError } from "./web-socket-error.ts";
import type { WebSocketClosed } from "./web-socket-stream.ts";

/** What is read: messages, and gaps where they were asked for. */
export type ReceivedOrGap<Gaps extends boolean> = Gaps extends true
  ? ReceivedMessage | Gap
  : ReceivedMessage;

/** The streams that outlive connections, and what the first connection agreed on. */
export interface ReconnectingOpenInfo<Gaps extends boolean = false> extends LinkInfo {
  /** One chunk is one message: text as a string, binary as bytes of its own. */
  readonly readable: ReadableStream<ReceivedOrGap<Gaps>>;
  /** One chunk is one message; it waits while there is no connection. */
  readonly writable: WritableStream<SentMessage>;
}

/**
 * A WebSocket that is connected again when it is lost, as one pair of streams. It connects at once.
 *
 * Backpressure: as `WebSocketStream`, on whatever connection there is. What comes is taken from a
 * connection only when it is asked for; what is written waits while there is none, and then at most
 * `maxQueuedBytes` of writes that nobody awaits.
 *
 * @see docs/reference/client.md for what is lost with a connection
 *
 * @example
 * ```ts
 * import { ReconnectingWebSocketStream } from "@spillway/client";
 *
 * const socket = new ReconnectingWebSocketStream("wss://example.org/prices", {
 *   reconnect: { maxDelayMs: 10_000 },
 * });
 * const { readable } = await socket.opened;
 * for await (const message of readable) console.log(message);
 * ```
 */
export class ReconnectingWebSocketStream<Gaps extends boolean = false> {
  readonly #url: string;
  readonly #signal: AbortSignal | undefined;
  readonly #opened: Deferred<ReconnectingOpenInfo<Gaps>> = deferred();
  readonly #closed: Deferred<WebSocketClosed> = deferred();
  readonly #totals: Totals = new Totals();
  readonly #feeds: Feeds;
  readonly #sender: Sender;
  readonly #reconnector: Reconnector;
  readonly #stopPage: () => void;
  #isSuspended = false;

  /**
   * @param url - `ws:`, `wss:`, `http:` or `https:`; relative where the platform has a base
   * @param options - those of `WebSocketStream`, and when to connect again
   * @throws `SyntaxError`, a `DOMException`, for an address or a protocol that cannot be
   * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"` for the other options
   */
  constructor(url: string | URL, options?: ReconnectingOptions<Gaps> | null) {
    if (arguments.length === 0) throw new TypeError("Cannot connect: want an address");
    const settings = reconnectingSettings(options);
    this.#url = toAddress(url);
    this.#signal = settings.client.signal;
    const dropped = (bytes: number, reason: DropReason): void => {
      this.#totals.drops.count(reason, 1, bytes);
    };
    const abandon = (reason: unknown): void => {
      const { closeCode, reason: text } = closeFor(reason);
      this.#reconnector.close(closeCode, text);
    };
    this.#feeds = new Feeds(settings.main, { dropped, cancelled: abandon });
    this.#sender = new Sender(settings.client.maxQueuedBytes, settings.replayBytes, {
      closed: () => this.#reconnector.close(null, ""),
      aborted: abandon,
      failed: (error) => this.#reconnector.fail(error),
    });
    this.#reconnector = new Reconnector(this.#url, settings, {
      outgoing: this.#sender.outgoing,
      dropped,
      opened: (link, info) => this.#open(link, info),
      agreed: (link) => {
        if (this.#isSuspended) link.say({ type: "suspend" });
      },
      lost: (link, isLost) => this.#lose(link, isLost),
      broke: (error) => this.#break(error),
      finished: (end) => this.#finish(end),
    });
    this.#stopPage = watchPage(settings.lifecycle, {
      suspend: () => this.suspend(),
      resume: () => this.resume(),
      hurry: () => this.#reconnector.nudge(),
    });
    this.#signal?.addEventListener("abort", this.#onAbort);
    if (this.#signal?.aborted) this.#onAbort();
    else this.#reconnector.connect();
  }

  /** The address, with its scheme `ws:` or `wss:`. */
  get url(): string {
    return this.#url;
  }

  /**
   * The streams, once there has been a connection; rejects with a {@link WebSocketError} if there will
   * be none, or with the reason of `signal`.
   */
  get opened(): Promise<ReconnectingOpenInfo<Gaps>> {
    return this.#opened.promise;
  }

  /**
   * How the last connection was closed, once there will be no other; rejects with a
   * {@link WebSocketError} if that was not in order.
   */
  get closed(): Promise<WebSocketClosed> {
    return this.#closed.promise;
  }

  /** What it is doing; {@link states} tells of changes. */
  get state(): ReconnectState {
    return this.#reconnector.states.value;
  }

  /**
   * The state, and each that follows, until it is closed. Whoever reads slowly misses those that have
   * passed meanwhile.
   *
   * @example
   * ```ts
   * import type { ReconnectingWebSocketStream } from "@spillway/client";
   *
   * async function show(socket: ReconnectingWebSocketStream, line: HTMLElement): Promise<void> {
   *   for await (const { status, attempt } of socket.states()) line.textContent = `${status} ${attempt}`;
   * }
   * ```
   */
  states(): AsyncIterableIterator<ReconnectState, void, void> {
    return this.#reconnector.states.values();
  }

  /**
   * Closes the connection, or gives up connecting, for good. What is unread can still be read.
   *
   * @param closeInfo - what the server is told
   * @throws `DOMException`: `InvalidAccessError` for a code that cannot be sent, `SyntaxError` for a
   * reason longer than 123 bytes
   */
  close(closeInfo?: WebSocketCloseInfo | null): void {
    const { closeCode, reason } = checkClose(closeInfo);
    this.#reconnector.close(closeCode, reason);
  }

  /**
   * Connects now, if it waits to do so. A server with credits that is connected is asked whether it is
   * still there, and has 5 s to say something.
   */
  reconnect(): void {
    this.#reconnector.hurry();
  }

  /**
   * The messages that servers send on their lane of that name, on one connection after the other. It
   * closes when a server ends the lane; then the same name gives a new stream.
   *
   * @param name - as the server calls it
   * @param options - count when the stream is made: the same name gives the same stream
   * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
   */
  lane<LaneGaps extends boolean = false>(
    name: string,
    options: ReconnectingLaneOptions<LaneGaps> = {},
  ): ReadableStream<ReceivedOrGap<LaneGaps>> {
    const feed = this.#feeds.lane(name, laneSettings(options));
    return feed.stream as ReadableStream<ReceivedOrGap<LaneGaps>>;
  }

  /** Asks a server with credits to send nothing for now, on this connection and on those that follow. */
  suspend(): void {
    if (this.#isSuspended) return;
    this.#isSuspended = true;
    this.#reconnector.link?.say({ type: "suspend" });
  }

  /** Ends {@link suspend}: what is stale by then is discarded, and begun anew by the server. */
  resume(): void {
    if (!this.#isSuspended) return;
    this.#isSuspended = false;
    for (const lane of this.#feeds.refresh()) this.#resync(lane);
    // Last, or what is stale at the server would leave first.
    this.#reconnector.link?.say({ type: "resume" });
  }

  /**
   * Asks a server with credits to begin with something whole, such as a keyframe.
   *
   * @param name - the lane; by default that of no name
   */
  resync(name?: string): void {
    this.#resync(this.#feeds.numberOf(name));
  }

  /** What went through all connections, and what waits, at this moment. */
  stats(): ReconnectingStats {
    const { lost, replayed } = this.#sender;
    return this.#totals.stats(this.#reconnector.link?.session, lost, replayed);
  }

  get [Symbol.toStringTag](): string {
    return "ReconnectingWebSocketStream";
  }

  readonly #onAbort = (): void => {
    const reason: unknown = this.#signal?.reason;
    this.#opened.reject(reason);
    this.#closed.reject(reason);
    this.#break(reason);
    this.#reconnector.close(null, "");
  };

  #resync(lane: number | undefined): void {
    if (lane !== undefined) this.#reconnector.link?.say({ type: "resync", lane });
  }

  #open(link: Link, info: LinkInfo): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#totals.open(link);
    this.#feeds.attach(link.lanes);
    this.#sender.attach(link);
    const readable = this.#feeds.main.stream as ReadableStream<ReceivedOrGap<Gaps>>;
    this.#opened.resolve({ ...info, readable, writable: this.#sender.outgoing.stream });
  }

  #lose(link: Link, isLost: boolean): void {
    this.#sender.detach(isLost);
    this.#totals.close(link);
    if (link.session) this.#feeds.lost(link.lanes);
  }

  #break(error: unknown): void {
    this.#feeds.fail(error);
    this.#sender.outgoing.end(closedError(), error);
    this.#opened.reject(connectionError("Connection could not be used", {}, error));
  }

  #finish(end: PlatformClose | WebSocketError): void {
    this.#stopPage();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#sender.giveUp();
    if (end instanceof WebSocketError) {
      this.#break(end);
      this.#opened.reject(end);
      this.#closed.reject(end);
      return;
    }
    this.#feeds.close();
    this.#sender.outgoing.end(closedError());
    this.#opened.reject(connectionError("Connection was closed before it could be used"));
    this.#closed.resolve({ closeCode: end.code, reason: end.reason });
  }
}
