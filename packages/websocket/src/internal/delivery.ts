import { Lateness } from "./lateness.ts";
import { INITIAL_BYTES, MIN_SAMPLE_MS, PathModel } from "./path-model.ts";
import { turnTime } from "./turn-time.ts";

/** What was asked of a peer: how far it has got. */
export interface Question {
  /** Answered once so many bytes have arrived. */
  readonly offset: number;
  readonly sentAt: number;
  /** How far answers had come then. */
  readonly seen: number;
  readonly since: Arrival;
  readonly isClean: boolean;
}

/** A question that was answered. */
export interface Answer {
  readonly question: Question;
  /** Whether most of the window was in use. */
  readonly isUsed: boolean;
}

/** What had arrived at some time, when that was learned, and when it had been sent. */
interface Arrival {
  readonly offset: number;
  readonly atMs: number;
  readonly sentAtMs: number;
}

/** Milliseconds after which an answer is asked for again, however little was sent since. */
const ASK_EVERY_MS = 10_000;
/** Without an answer for less than so long, nothing is said of a peer; nor for less than twice its slowest of late. */
const MIN_SILENCE_MS = 350;
/** Of the slowest answer, what the next one leaves. */
const SLOWEST_KEPT = 7 / 8;
/** From question to question, as a share of the window; while it grows, and while nobody needs all of it. */
const SPACING = 3 / 8;
const GROWING_SPACING = 1 / 4;
const UNUSED_SPACING = 1 / 2;
/** Payload bytes of a frame: large messages are cut, so that progress shows and answers come between. */
export const MAX_FRAGMENT = 65_536;
const MIN_FRAGMENT = 4_096;

/** What was sent in order, how far the peer says it has got, and the window that follows from when it said so. */
export class Delivery {
  /** Bytes that may be on the way. */
  windowBytes: number;
  /** Payload bytes that may leave in one frame. */
  fragmentBytes: number;
  /** Bytes sent; of them, those behind which it was asked, and those that have arrived. */
  sent = 0;
  asked = 0;
  acknowledged = 0;
  /** When an answer is asked for that nothing else makes necessary. */
  askAt = 0;
  /** Whether nothing may follow until all has arrived, to look at the empty path. */
  isDraining = false;
  /** From the last question that was answered to its answer; `undefined` before the first. */
  rttMs: number | undefined;
  readonly #isAuto: boolean;
  readonly #questions: Question[] = [];
  /** What answers have told. */
  #path: PathModel | undefined;
  /** Bytes from question to question. */
  #spacing: number;
  /** How far had been sent when something left. */
  #left = 0;
  /** How far had been sent when there last was no room. */
  #fullAt = -1;
  /** Where the next sample of the rate begins. */
  #since: Arrival = { offset: 0, atMs: 0, sentAtMs: 0 };
  /** The offset from which answers begin a new round trip. */
  #roundFrom = 0;
  /** The longest round trip, of which each answer makes the peer forget some. */
  #slowestMs = 0;
  readonly #lateness = new Lateness();

  /** @param window - bytes, or `"auto"` to size it by the path */
  constructor(window: number | "auto") {
    this.#isAuto = window === "auto";
    this.windowBytes = window === "auto" ? INITIAL_BYTES : window;
    this.#spacing = this.windowBytes * (this.#isAuto ? GROWING_SPACING : SPACING);
    const quarter = Math.floor(this.windowBytes / 4);
    this.fragmentBytes = this.#isAuto ? MAX_FRAGMENT : Math.min(quarter, MAX_FRAGMENT);
  }

  /** Questions without an answer. */
  get open(): number {
    return this.#questions.length;
  }

  /** When the oldest of them was asked. */
  get askedAt(): number | undefined {
    return this.#questions[0]?.sentAt;
  }

  get path(): PathModel | undefined {
    return this.#path;
  }

  /** Whether so much was sent since the last question that it is time for another. */
  get isSpaced(): boolean {
    return this.sent - this.asked >= this.#spacing;
  }

  /**
   * Milliseconds for which the oldest answer is later than a peer that moves would have been, going by those
   * before; negative while that is to come.
   */
  overdueMs(nowMs: number): number {
    const [oldest] = this.#questions;
    if (!oldest || this.rttMs === undefined) return -Infinity;
    return nowMs - oldest.sentAt - Math.max(MIN_SILENCE_MS, 2 * this.#slowestMs);
  }

  /** Milliseconds for which answers have come late, since what is sent waits on the way; 0 if they do not. */
  lateMs(nowMs: number): number {
    return this.#lateness.at(nowMs) ?? 0;
  }

  /**
   * Milliseconds until what is sent now has arrived, by what is known of the path. A peer that is silent will
   * be so for as long again.
   *
   * @param inFlight - bytes sent before it
   */
  transitMs(inFlight: number, bytes: number, nowMs: number): number {
    const [oldest] = this.#questions;
    // Nothing is held back because of its own length, or nobody would learn that the path has become faster.
    if (inFlight === 0 || !oldest) {
      // Nor all for ever for a path that was long once: now and then one goes, behind a question.
      return nowMs < this.askAt ? (this.#path?.transitMs(0) ?? 0) : 0;
    }
    const silentMs = this.overdueMs(nowMs) > 0 ? nowMs - oldest.sentAt : 0;
    return Math.max(this.#path?.transitMs(inFlight + bytes) ?? 0, silentMs);
  }

  /** What was sent until now leaves. */
  leave(): void {
    this.#left = this.sent;
  }

  /** There is no room for more. */
  filled(): void {
    if (!this.isDraining) this.#fullAt = this.sent;
  }

  /** Has the window be that large until answers say more; one that is fixed stays. */
  fallBack(windowBytes: number): void {
    this.isDraining = false;
    if (this.#isAuto) this.windowBytes = windowBytes;
    this.#spacing = this.windowBytes * SPACING;
  }

  /** A question goes behind all that was sent. */
  ask(nowMs: number): void {
    const isRunning = this.#questions.length > 0 || this.#fullAt > this.acknowledged;
    // Time in which nothing was sent says nothing of how fast it would have arrived.
    if (!isRunning) this.#since = { offset: this.#left, atMs: nowMs, sentAtMs: nowMs };
    this.asked = this.sent;
    this.askAt = nowMs + ASK_EVERY_MS;
    this.#questions.push({
      offset: this.sent,
      sentAt: nowMs,
      seen: this.acknowledged,
      since: this.#since,
      isClean: this.acknowledged === this.sent,
    });
  }

  /** So much has arrived; `undefined` if that was not asked. */
  answer(offset: number, nowMs: number): Answer | undefined {
    const index = this.#questions.findIndex((question) => question.offset === offset);
    if (index < 0) return undefined;
    // A peer may answer only the latest, so the earlier ones are answered too.
    const [question] = this.#questions.splice(0, index + 1).slice(-1) as [Question];
    const isUsed = this.sent - this.acknowledged >= (this.windowBytes * 3) / 4;
    this.rttMs = nowMs - question.sentAt;
    this.acknowledged = offset;
    return { question, isUsed };
  }

  /** Has an answer tell how slow the peer is. */
  judge({ question }: Answer, nowMs: number): void {
    const rttMs = nowMs - question.sentAt;
    this.#slowestMs = Math.max(rttMs, this.#slowestMs * SLOWEST_KEPT);
    const baseRttMs = this.#path?.baseRttMs;
    // Answers lie here until a turn is over.
    const onWayMs = rttMs - 2 * turnTime(nowMs);
    if (baseRttMs !== undefined) this.#lateness.add(onWayMs, baseRttMs, nowMs);
  }

  /** Has an answer tell of the path, and size the window, unless it is not to be believed. */
  learn({ question, isUsed }: Answer, isTrusted: boolean, nowMs: number): void {
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
    if (!isTrusted) return;
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
    const isUnderWay = this.isDraining && this.acknowledged < this.sent;
    this.isDraining = isUnderWay || path.isStale(nowMs);
  }
}
