import { randomBytes } from "node:crypto";
import { Delivery } from "./internal/delivery.ts";
import { INITIAL_BYTES, MAX_BYTES } from "./internal/path-model.ts";

/**
 * Who confirms what has arrived: the kernel on this side; the peer by answering pings, which a browser does for
 * a page that sleeps; or the application there, by saying what it has read.
 */
export type Acknowledger = "kernel" | "ping" | "credit";

/** What a {@link FlowWindow} needs of its connection. */
export interface FlowWindowHost {
  /** Sends a ping behind everything sent so far. */
  ping(payload: Uint8Array): void;
  /** There is room again. */
  opened(): void;
}

/** Pings on their way; more would tempt a peer to answer only the latest. */
const MAX_PINGS = 32;
/** Milliseconds after the first ping after which a peer that never answered is not waited for. */
const PATIENCE_MS = 2_000;
/** The window of a peer that does not answer, where it would be sized from its answers. */
const SAFE_BYTES = 262_144;
/** Milliseconds without room and without an answer after which a peer that has answered is given some more. */
const PROBE_EVERY_MS = 10_000;
/** Who has taken so much since its last answer reads: no kernels and proxies on the way hold it. */
const READ_BYTES = 33_554_432;

/**
 * Accounts for the bytes the peer has not read yet and says how many more may be sent.
 *
 * A ping carries the number of bytes sent before it; the peer answers in order once it has read that
 * far, so the pong acknowledges them all. Where no acknowledgement can arrive, because reading is
 * suspended or the peer has never answered, bytes taken by the kernel count as acknowledged, until
 * the next pong. So they do once a peer that answers no more has been seen to read all the same.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3
 */
export class FlowWindow {
  readonly #host: FlowWindowHost;
  readonly #delivery: Delivery;
  readonly #nonce: number = randomBytes(4).readUInt32BE();
  #flushed = 0;
  #moved = 0;
  #suspended = false;
  /** Pongs for less than this were asked for before reading was suspended: too old to go by. */
  #trustFrom = 0;
  /** Answers to what was asked before then have lain here: they say nothing of how slow the peer is. */
  #resumedAt = 0;
  #acknowledgedBy: Acknowledger = "ping";
  #patience: NodeJS.Timeout | undefined;
  /** What a silent peer is given next. */
  #probe: number = INITIAL_BYTES;
  /** Bytes beyond the window that it has been given; negative if less than all of it. */
  #beyond = 0;
  #isOver = false;

  /** @param window - bytes, or `"auto"` to size it by the path */
  constructor(window: number | "auto", host: FlowWindowHost) {
    this.#host = host;
    this.#delivery = new Delivery(window);
  }

  get acknowledgedBy(): Acknowledger {
    return this.#acknowledgedBy;
  }

  /** Bytes that may be on the way. */
  get windowBytes(): number {
    return this.#delivery.windowBytes;
  }

  /** Payload bytes that may leave in one frame. */
  get fragmentBytes(): number {
    return this.#delivery.fragmentBytes;
  }

  /** Round trip of the last ping answered, queueing included; `undefined` before the first. */
  get rttMs(): number | undefined {
    return this.#delivery.rttMs;
  }

  /** Shortest round trip of late on an empty path; `undefined` before the first. */
  get baseRttMs(): number | undefined {
    return this.#delivery.path?.baseRttMs;
  }

  /** Bytes a second that the path has been seen to take of late; `undefined` before the first answer. */
  get deliveryRate(): number | undefined {
    const { path } = this.#delivery;
    return path && path.rate * 1_000;
  }

  /**
   * Milliseconds for which the oldest answer is later than a peer that moves would have been, going by those
   * before; negative while that is to come, and where answers are not gone by.
   */
  overdueMs(nowMs: number): number {
    return this.#acknowledgedBy === "ping" ? this.#delivery.overdueMs(nowMs) : -Infinity;
  }

  /** Milliseconds for which answers have come late, since what is sent waits on the way; 0 if they do not. */
  lateMs(nowMs: number): number {
    return this.#delivery.lateMs(nowMs);
  }

  /**
   * Milliseconds until what is sent now has arrived, by what is known of the path: 0 where nothing is. A peer
   * that is silent will be so for as long again, but what it is given to see whether it reads is never late.
   *
   * @param bytes - sent before it, and its own
   */
  transitMs(bytes: number, nowMs: number): number {
    const isUnknown = this.#acknowledgedBy !== "ping" || this.rttMs === undefined;
    if (isUnknown || this.isProbing) return 0;
    // All may be too late for it, and then there is never no room.
    if (this.inFlight > 0 && this.overdueMs(nowMs) > 0) this.#waitForAnswer();
    return this.#delivery.transitMs(this.inFlight, bytes, nowMs);
  }

  get inFlight(): number {
    const { sent, acknowledged } = this.#delivery;
    const confirmed = this.#acknowledgedBy === "ping" ? acknowledged : this.#flushed;
    return sent - Math.max(confirmed, acknowledged);
  }

  /** Bytes that may be sent now; 0 or less: none. */
  get room(): number {
    return this.#delivery.isDraining ? 0 : this.windowBytes + this.#beyond - this.inFlight;
  }

  /** Bytes that the kernel has taken, but for those that only show whether a silent peer reads. */
  get moved(): number {
    return this.#moved;
  }

  /** Whether what is sent only shows whether a silent peer reads. */
  get isProbing(): boolean {
    return this.#probe > INITIAL_BYTES;
  }

  /** Bytes that may be sent before a ping is due; 0 or less: one could not be sent. */
  get untilPing(): number {
    return this.windowBytes / 2 - (this.#delivery.sent - this.#delivery.asked);
  }

  /** Something is sent, and nothing waits to leave: a ping before it finds the path as it is. */
  beginning(nowMs: number): void {
    if (nowMs >= this.#delivery.askAt && this.#delivery.open === 0) this.ping();
  }

  /** `bytes` more were sent; a ping goes when they leave, or before it is too late for one. */
  sent(bytes: number): void {
    this.#delivery.sent += bytes;
    if (this.untilPing <= 0) this.ping();
  }

  /** What was sent leaves: a ping behind it keeps what is sent together in one piece. */
  leaving(): void {
    if (this.#delivery.isSpaced) this.ping();
    this.#delivery.leave();
  }

  /** There is no room, here or in the kernel, for more. */
  filled(): void {
    this.#delivery.filled();
    this.#waitForAnswer();
  }

  /** `bytes` more were taken by the kernel. */
  flushed(bytes: number): void {
    this.#flushed += bytes;
    if (!this.isProbing) this.#moved += bytes;
  }

  /** Asks for an acknowledgement of everything sent so far. */
  ping(): void {
    const delivery = this.#delivery;
    if (this.#suspended || delivery.open >= MAX_PINGS) return;
    if (delivery.open > 0 && delivery.asked === delivery.sent) return;
    const payload = new Uint8Array(12);
    const view = new DataView(payload.buffer);
    view.setUint32(0, this.#nonce);
    view.setFloat64(4, delivery.sent);
    delivery.ask(performance.now());
    this.#host.ping(payload);
    if (delivery.rttMs === undefined) {
      this.#patience ??= setTimeout(() => this.#fallBack(), PATIENCE_MS).unref();
    }
  }

  /** Takes a pong; payloads that are not ours are ignored. */
  pong(payload: Uint8Array): void {
    if (payload.byteLength !== 12) return;
    const view = new DataView(payload.buffer, payload.byteOffset, 12);
    if (view.getUint32(0) !== this.#nonce) return;
    const delivery = this.#delivery;
    const nowMs = performance.now();
    const answer = delivery.answer(view.getFloat64(4), nowMs);
    if (!answer) return;
    const { offset, sentAt } = answer.question;
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#endProbes();
    if (!this.#suspended && offset >= this.#trustFrom) this.#acknowledgedBy = "ping";
    if (sentAt >= this.#resumedAt) delivery.judge(answer, nowMs);
    delivery.learn(answer, this.#acknowledgedBy === "ping", nowMs);
    if (delivery.isDraining) this.ping();
    // Pings that were due while too many were out, or while reading was suspended.
    this.leaving();
    this.#host.opened();
  }

  /** We stop reading, so no pong can arrive. */
  suspend(): void {
    this.#suspended = true;
    this.#fallBack();
  }

  /** We read again; the next pong takes over from the kernel. */
  resume(): void {
    if (!this.#suspended) return;
    this.#suspended = false;
    this.#trustFrom = this.#delivery.sent;
    this.#resumedAt = performance.now();
    this.ping();
  }

  dispose(): void {
    this.#isOver = true;
    clearTimeout(this.#patience);
  }

  #waitForAnswer(): void {
    if (this.#isOver || this.rttMs === undefined) return;
    this.#patience ??= setTimeout(() => this.#giveMore(), PROBE_EVERY_MS).unref();
  }

  /**
   * A peer that has answered is silent: it has frozen, or reads and answers no more. Only what it takes
   * tells them apart, and kernels take megabytes; so it is given little, and twice as much each time.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9293#section-3.8.6.1 for the probes of TCP
   */
  #giveMore(): void {
    this.#patience = undefined;
    const isHeld = this.room <= 0 || this.overdueMs(performance.now()) > 0;
    if (this.#acknowledgedBy === "kernel" || !isHeld) return;
    if (this.#flushed - this.#delivery.acknowledged >= READ_BYTES) {
      this.#fallBack();
      return;
    }
    this.#delivery.isDraining = false;
    this.#beyond = this.inFlight - this.windowBytes + this.#probe;
    this.#probe = Math.min(2 * this.#probe, MAX_BYTES);
    this.#host.opened();
  }

  #endProbes(): void {
    this.#probe = INITIAL_BYTES;
    this.#beyond = 0;
  }

  #fallBack(): void {
    this.#acknowledgedBy = "kernel";
    this.#endProbes();
    this.#delivery.fallBack(SAFE_BYTES);
    this.#host.opened();
  }
}
