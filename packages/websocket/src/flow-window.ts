import { randomBytes } from "node:crypto";
import { Lateness } from "./internal/lateness.ts";
import { INITIAL_BYTES, MAX_BYTES, MIN_SAMPLE_MS, PathModel } from "./internal/path-model.ts";
import { turnTime } from "./internal/turn-time.ts";

/** Who confirms what has arrived: the kernel on this side, or the peer by answering pings. */
export type Acknowledger = "kernel" | "ping";

/** What a {@link FlowWindow} needs of its connection. */
export interface FlowWindowHost {
  /** Sends a ping behind everything sent so far. */
  ping(payload: Uint8Array): void;
  /** There is room again. */
  opened(): void;
}

/** A ping on its way: what it asks for, and what was known when it left. */
interface Question {
  readonly offset: number;
  readonly sentAt: number;
  /** How far answers had come then. */
  readonly seen: number;
  readonly since: Arrival;
  readonly isClean: boolean;
}

/** What had arrived at some time, when that was learned, and when it had been sent. */
interface Arrival {
  readonly offset: number;
  readonly atMs: number;
  readonly sentAtMs: number;
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
/** Milliseconds after which an answer is asked for again, however little was sent since. */
const ASK_EVERY_MS = 10_000;
/** Without an answer for less than so long, nothing is said of a peer; nor for less than twice its slowest of late. */
const MIN_SILENCE_MS = 350;
/** Of the slowest answer, what the next one leaves. */
const SLOWEST_KEPT = 7 / 8;
/** From ping to ping, as a share of the window; while it grows, and while nobody needs all of it. */
const SPACING = 3 / 8;
const GROWING_SPACING = 1 / 4;
const UNUSED_SPACING = 1 / 2;
/** Payload bytes of a frame: large messages are cut, so that progress shows and answers come between. */
export const MAX_FRAGMENT = 65_536;
const MIN_FRAGMENT = 4_096;

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
  /** Bytes that may be on the way. */
  windowBytes: number;
  /** Payload bytes that may leave in one frame. */
  fragmentBytes: number;
  readonly #host: FlowWindowHost;
  readonly #isAuto: boolean;
  /** What answers have told. */
  #path: PathModel | undefined;
  readonly #nonce: number = randomBytes(4).readUInt32BE();
  readonly #pings: Question[] = [];
  #sent = 0;
  /** How far had been sent when something left. */
  #left = 0;
  #flushed = 0;
  #moved = 0;
  #acknowledged = 0;
  #pinged = 0;
  /** Bytes from ping to ping. */
  #spacing: number;
  /** How far had been sent when there last was no room. */
  #fullAt = -1;
  /** Where the next sample of the rate begins. */
  #since: Arrival = { offset: 0, atMs: 0, sentAtMs: 0 };
  /** When an answer is asked for that nothing else makes necessary. */
  #askAt = 0;
  /** The offset from which answers begin a new round trip. */
  #roundFrom = 0;
  /** Whether nothing may follow until all has arrived, to look at the empty path. */
  #isDraining = false;
  #suspended = false;
  /** Pongs for less than this were asked for before reading was suspended: too old to go by. */
  #trustFrom = 0;
  /** Answers to what was asked before then have lain here: they say nothing of how slow the peer is. */
  #resumedAt = 0;
  #acknowledgedBy: Acknowledger = "ping";
  #rttMs: number | undefined;
  /** The longest round trip, of which each answer makes the peer forget some. */
  #slowestMs = 0;
  readonly #lateness = new Lateness();
  #patience: NodeJS.Timeout | undefined;
  /** What a silent peer is given next. */
  #probe: number = INITIAL_BYTES;
  /** Bytes beyond the window that it has been given; negative if less than all of it. */
  #beyond = 0;
  #isOver = false;

  /** @param window - bytes, or `"auto"` to size it by the path */
  constructor(window: number | "auto", host: FlowWindowHost) {
    this.#host = host;
    this.#isAuto = window === "auto";
    this.windowBytes = window === "auto" ? INITIAL_BYTES : window;
    this.#spacing = this.windowBytes * (this.#isAuto ? GROWING_SPACING : SPACING);
    const quarter = Math.floor(this.windowBytes / 4);
    this.fragmentBytes = this.#isAuto ? MAX_FRAGMENT : Math.min(quarter, MAX_FRAGMENT);
  }

  get acknowledgedBy(): Acknowledger {
    return this.#acknowledgedBy;
  }

  /** Round trip of the last ping answered, queueing included; `undefined` before the first. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  /** Shortest round trip of late on an empty path; `undefined` before the first. */
  get baseRttMs(): number | undefined {
    return this.#path?.baseRttMs;
  }

  /** Bytes a second that the path has been seen to take of late; `undefined` before the first answer. */
  get deliveryRate(): number | undefined {
    return this.#path && this.#path.rate * 1_000;
  }

  /**
   * Milliseconds for which the oldest answer is later than a peer that moves would have been, going by those
   * before; negative while that is to come, and where answers are not gone by.
   */
  overdueMs(nowMs: number): number {
    const [oldest] = this.#pings;
    if (!oldest || this.#acknowledgedBy !== "ping" || this.#rttMs === undefined) return -Infinity;
    return nowMs - oldest.sentAt - Math.max(MIN_SILENCE_MS, 2 * this.#slowestMs);
  }

  /** Milliseconds for which answers have come late, since what is sent waits on the way; 0 if they do not. */
  lateMs(nowMs: number): number {
    return this.#lateness.at(nowMs) ?? 0;
  }

  /**
   * Milliseconds until what is sent now has arrived, by what is known of the path: 0 where nothing is. A peer
   * that is silent will be so for as long again, but what it is given to see whether it reads is never late.
   *
   * @param bytes - sent before it, and its own
   */
  transitMs(bytes: number, nowMs: number): number {
    const [oldest] = this.#pings;
    const isUnknown = this.#acknowledgedBy !== "ping" || this.#rttMs === undefined;
    if (isUnknown || this.isProbing) return 0;
    // Nothing is held back because of its own length, or nobody would learn that the path has become faster.
    if (this.inFlight === 0 || !oldest) {
      // Nor all for ever for a path that was long once: now and then one goes, behind a ping.
      return nowMs < this.#askAt ? (this.#path?.transitMs(0) ?? 0) : 0;
    }
    const isSilent = this.overdueMs(nowMs) > 0;
    // All may be too late for it, and then there is never no room.
    if (isSilent) this.#waitForAnswer();
    const silentMs = isSilent ? nowMs - oldest.sentAt : 0;
    return Math.max(this.#path?.transitMs(this.inFlight + bytes) ?? 0, silentMs);
  }

  get inFlight(): number {
    const confirmed = this.#acknowledgedBy === "ping" ? this.#acknowledged : this.#flushed;
    return this.#sent - Math.max(confirmed, this.#acknowledged);
  }

  /** Bytes that may be sent now; 0 or less: none. */
  get room(): number {
    return this.#isDraining ? 0 : this.windowBytes + this.#beyond - this.inFlight;
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
    return this.windowBytes / 2 - (this.#sent - this.#pinged);
  }

  /** Something is sent, and nothing waits to leave: a ping before it finds the path as it is. */
  beginning(nowMs: number): void {
    if (nowMs >= this.#askAt && this.#pings.length === 0) this.ping();
  }

  /** `bytes` more were sent; a ping goes when they leave, or before it is too late for one. */
  sent(bytes: number): void {
    this.#sent += bytes;
    if (this.untilPing <= 0) this.ping();
  }

  /** What was sent leaves: a ping behind it keeps what is sent together in one piece. */
  leaving(): void {
    if (this.#sent - this.#pinged >= this.#spacing) this.ping();
    this.#left = this.#sent;
  }

  /** There is no room, here or in the kernel, for more. */
  filled(): void {
    if (!this.#isDraining) this.#fullAt = this.#sent;
    this.#waitForAnswer();
  }

  /** `bytes` more were taken by the kernel. */
  flushed(bytes: number): void {
    this.#flushed += bytes;
    if (!this.isProbing) this.#moved += bytes;
  }

  /** Asks for an acknowledgement of everything sent so far. */
  ping(): void {
    if (this.#suspended || this.#pings.length >= MAX_PINGS) return;
    if (this.#pings.at(-1)?.offset === this.#sent) return;
    const payload = new Uint8Array(12);
    const view = new DataView(payload.buffer);
    view.setUint32(0, this.#nonce);
    view.setFloat64(4, this.#sent);
    const sentAt = performance.now();
    const isRunning = this.#pings.length > 0 || this.#fullAt > this.#acknowledged;
    // Time in which nothing was sent says nothing of how fast it would have arrived.
    if (!isRunning) this.#since = { offset: this.#left, atMs: sentAt, sentAtMs: sentAt };
    this.#pinged = this.#sent;
    this.#askAt = sentAt + ASK_EVERY_MS;
    this.#pings.push({
      offset: this.#sent,
      sentAt,
      seen: this.#acknowledged,
      since: this.#since,
      isClean: this.#acknowledged === this.#sent,
    });
    this.#host.ping(payload);
    if (this.#rttMs === undefined) {
      this.#patience ??= setTimeout(() => this.#fallBack(), PATIENCE_MS).unref();
    }
  }

  /** Takes a pong; payloads that are not ours are ignored. */
  pong(payload: Uint8Array): void {
    if (payload.byteLength !== 12) return;
    const view = new DataView(payload.buffer, payload.byteOffset, 12);
    if (view.getUint32(0) !== this.#nonce) return;
    const offset = view.getFloat64(4);
    const index = this.#pings.findIndex((ping) => ping.offset === offset);
    if (index < 0) return;
    // A peer may answer only the latest ping, so the earlier ones are answered too.
    const [answered] = this.#pings.splice(0, index + 1).slice(-1) as [Question];
    const nowMs = performance.now();
    this.#rttMs = nowMs - answered.sentAt;
    const isUsed = this.#sent - this.#acknowledged >= (this.windowBytes * 3) / 4;
    this.#acknowledged = offset;
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#endProbes();
    if (!this.#suspended && offset >= this.#trustFrom) this.#acknowledgedBy = "ping";
    if (answered.sentAt >= this.#resumedAt) {
      this.#slowestMs = Math.max(this.#rttMs, this.#slowestMs * SLOWEST_KEPT);
      const { baseRttMs } = this;
      // Answers lie here until a turn is over.
      const onWayMs = this.#rttMs - 2 * turnTime(nowMs);
      if (baseRttMs !== undefined) this.#lateness.add(onWayMs, baseRttMs, nowMs);
    }
    this.#learn(answered, isUsed, nowMs);
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
    this.#trustFrom = this.#sent;
    this.#resumedAt = performance.now();
    this.ping();
  }

  dispose(): void {
    this.#isOver = true;
    clearTimeout(this.#patience);
  }

  /** Has an answer tell of the path, and size the window. */
  #learn(question: Question, isUsed: boolean, nowMs: number): void {
    const { isClean, offset, seen, sentAt, since } = question;
    const isRound = seen >= this.#roundFrom;
    if (isRound) this.#roundFrom = offset;
    const sample = {
      bytes: offset - since.offset,
      // The slower of sending and of arriving: what is held up on the way may arrive all at once.
      elapsedMs: Math.max(sentAt - since.sentAtMs, nowMs - since.atMs),
      rttMs: nowMs - sentAt,
      isClean,
      isFull: this.#fullAt >= offset,
      isUsed,
      isRound,
    };
    if (nowMs - this.#since.atMs >= MIN_SAMPLE_MS) {
      this.#since = { offset, atMs: nowMs, sentAtMs: sentAt };
    }
    if (this.#acknowledgedBy !== "ping") return;
    this.#path ??= new PathModel();
    const path = this.#path;
    path.add(sample, nowMs, turnTime(nowMs));
    if (!this.#isAuto) return;
    this.windowBytes = path.windowBytes;
    const spacing = path.isKnown ? SPACING : isUsed ? GROWING_SPACING : UNUSED_SPACING;
    this.#spacing = path.windowBytes * spacing;
    if (path.isKnown) {
      const quarter = Math.floor(path.windowBytes / 4);
      this.fragmentBytes = Math.min(Math.max(quarter, MIN_FRAGMENT), MAX_FRAGMENT);
    }
    const isUnderWay = this.#isDraining && this.#acknowledged < this.#sent;
    this.#isDraining = isUnderWay || path.isStale(nowMs);
    if (this.#isDraining) this.ping();
  }

  #waitForAnswer(): void {
    if (this.#isOver || this.#rttMs === undefined) return;
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
    if (this.#flushed - this.#acknowledged >= READ_BYTES) {
      this.#fallBack();
      return;
    }
    this.#isDraining = false;
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
    this.#isDraining = false;
    if (this.#isAuto) this.windowBytes = SAFE_BYTES;
    this.#spacing = this.windowBytes * SPACING;
    this.#host.opened();
  }
}
