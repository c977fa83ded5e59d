import { WindowedMax } from "./windowed-max.ts";

/** What an answer tells of the path, times in milliseconds. */
export interface PathSample {
  /** Bytes that the peer took in so much time. */
  readonly bytes: number;
  readonly elapsedMs: number;
  /** From the question to the answer. */
  readonly rttMs: number;
  /** Whether nothing was on the way when it was asked. */
  readonly isClean: boolean;
  /** Whether the sender had more than it might send. */
  readonly isFull: boolean;
  /** Whether the window was in use, so that a larger one might be as well. */
  readonly isUsed: boolean;
  /** Whether it is the first answer to what was asked after another of these. */
  readonly isRound: boolean;
}

/** Before anything is known: what TCP begins with, too. */
export const INITIAL_BYTES = 16_384;
/** What is there beside the path: a slow peer always has something to read. */
const FLOOR_BYTES = 4_096;
/** The largest window, however far and fast the path. */
export const MAX_BYTES = 8_388_608;
/** The window of a path that has taken all there was so far. */
const UNUSED_BYTES = 131_072;
/** How the window grows with each round trip while nothing waits on the way. */
const GROWTH = 2;
/** What is allowed to wait beside a second round trip. */
const SLACK_MS = 4;
/** A rate is one of so much time: peers read in gulps, and networks send in bursts. */
export const MIN_SAMPLE_MS = 50;
/** Without a sample for so long, all that is sent are bursts. */
const BURST_MS = 200;
/** Base round trips that a rate counts for, and milliseconds at least. */
const RATE_ROUNDS = 10;
const MIN_RATE_MS = 500;
/** How long a base round trip counts that no other was below: to look at it again costs one or two. */
const BASE_MS = 10_000;
const BASE_ROUNDS = 64;
/** How long at least. */
const MIN_BASE_MS = 250;
/** By how much it differs from one time to the next. */
const NOISE = 1.25;

/**
 * What is known of the path to a peer, and how much may be on the way there: the delivery rate times two
 * base round trips and a little more. With one on the way, and one that is acknowledged, the path never
 * runs dry; and as a window that is too small limits the rate to itself, it grows until it is not.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-ccwg-bbr for rate samples and the base round trip
 * @see https://www.rfc-editor.org/rfc/rfc9406 for a start that ends when answers take longer
 */
export class PathModel {
  windowBytes: number = INITIAL_BYTES;
  /** Whether the path has shown its limit: then its rate says what the window is. */
  isKnown = false;
  #baseRttMs: number | undefined;
  #baseAtMs = -Infinity;
  /** A longer one, seen once: a peer may have been busy with what came before. */
  #longerRttMs: number | undefined;
  /** The largest window since the base round trip was looked at. */
  #baseWindow = INITIAL_BYTES;
  #sampledAtMs = -Infinity;
  /** By which rates grow old. */
  #rateClockMs = 0;
  readonly #rates = new WindowedMax();

  /** The shortest round trip of late on an empty path, in milliseconds. */
  get baseRttMs(): number | undefined {
    return this.#baseRttMs;
  }

  /** Bytes a millisecond; 0 before any is known. */
  get rate(): number {
    return this.#rates.value;
  }

  /** Milliseconds until the last of so many bytes on the way has arrived. */
  transitMs(bytes: number): number {
    const thereMs = (this.#baseRttMs ?? 0) / 2;
    // Of a path that has taken all there was so far nobody knows how much it takes.
    if (!this.isKnown || this.rate === 0) return thereMs;
    // What arrived half a round trip ago still counts as on the way.
    return Math.max(bytes / this.rate - thereMs, thereMs);
  }

  /** @param turnMs - how long a turn of the event loop takes here, as no answer is seen before */
  add(sample: PathSample, nowMs: number, turnMs: number): void {
    const { isClean, isFull, rttMs } = sample;
    // No round trip is shorter than that of the empty path, whatever is on the way.
    if (isClean || rttMs < (this.#baseRttMs ?? 0)) this.#rebase(rttMs, nowMs);
    const baseMs = this.#baseRttMs ?? rttMs;
    const asideMs = SLACK_MS + 2 * turnMs;
    const isQuick = rttMs <= NOISE * baseMs + asideMs;
    if (isFull && !isQuick) this.isKnown = true;
    const isNew = this.#takeRate(sample, nowMs, Math.max(RATE_ROUNDS * baseMs, MIN_RATE_MS));
    if (this.isKnown && isNew) {
      this.windowBytes = Math.min(
        Math.round(this.rate * (2 * baseMs + asideMs)) + FLOOR_BYTES,
        MAX_BYTES,
      );
    } else if (sample.isRound && isQuick) this.#grow(sample, nowMs);
    this.#baseWindow = Math.max(this.#baseWindow, this.windowBytes);
  }

  /**
   * Whether to look at the empty path again: what is known of it is old, or the window has shrunk by half.
   * A longer path makes it shrink as a slower one does, and only the latter is to be believed.
   */
  isStale(nowMs: number): boolean {
    const ageMs = nowMs - this.#baseAtMs;
    const hasShrunk = this.windowBytes < this.#baseWindow / 2;
    return this.isKnown && (this.#isOld(ageMs) || (hasShrunk && ageMs > MIN_BASE_MS));
  }

  /** Who sends less than the path takes learns nothing from it but that it takes as much. */
  #takeRate({ bytes, elapsedMs, isFull }: PathSample, nowMs: number, spanMs: number): boolean {
    if (elapsedMs < MIN_SAMPLE_MS || bytes === 0) return false;
    const rate = bytes / elapsedMs;
    if (!isFull && rate < this.rate) return false;
    // No single sample makes all others old: a path that stops and goes on is no slower than before.
    this.#rateClockMs += Math.min(nowMs - this.#sampledAtMs, spanMs / 2);
    this.#rates.add(rate, this.#rateClockMs, spanMs);
    this.#sampledAtMs = nowMs;
    return true;
  }

  /** Lets the window grow while nothing waits on the way; once it is known, only where it cannot be sampled. */
  #grow({ isUsed }: PathSample, nowMs: number): void {
    const isWanted = this.isKnown
      ? isUsed && nowMs - this.#sampledAtMs > BURST_MS
      : isUsed || this.windowBytes < UNUSED_BYTES;
    if (isWanted) this.windowBytes = Math.min(GROWTH * this.windowBytes, MAX_BYTES);
  }

  #isOld(ageMs: number): boolean {
    return ageMs > Math.max(BASE_MS, BASE_ROUNDS * (this.#baseRttMs ?? 0));
  }

  #rebase(rttMs: number, nowMs: number): void {
    const known = this.#baseRttMs ?? Infinity;
    const isOld = this.#isOld(nowMs - this.#baseAtMs);
    if (rttMs > known && !isOld && !this.isStale(nowMs)) {
      this.#longerRttMs = undefined;
      return;
    }
    if (rttMs > NOISE * known && this.#longerRttMs === undefined) {
      this.#longerRttMs = rttMs;
      return;
    }
    this.#baseRttMs = Math.min(rttMs, this.#longerRttMs ?? rttMs);
    this.#baseAtMs = nowMs;
    this.#longerRttMs = undefined;
    this.#baseWindow = this.windowBytes;
  }
}
