import { WindowedMax } from "./windowed-max.ts";

/** What an answer tells of the path, times in milliseconds. */
export interface PathSample {
  /** Bytes that the peer took between two answers, and the time from one to the other. */
  readonly bytes: number;
  readonly elapsedMs: number;
  /** From the question to the answer. */
  readonly rttMs: number;
  /** Whether nothing was on the way when it was asked. */
  readonly isClean: boolean;
  /** Whether the sender had more than it might send. */
  readonly isFull: boolean;
  /** Whether everything the question was sent behind was sent after the last answer. */
  readonly isRound: boolean;
}

/** Before anything is known: what TCP begins with, too. */
export const INITIAL_BYTES = 16_384;
/** What is there beside the path: a slow peer always has something to read. */
const FLOOR_BYTES = 4_096;
const MAX_BYTES = 8_388_608;
/** The window of a path that has taken everything so far, and how it grows with each round trip. */
const UNKNOWN_BYTES = 131_072;
const GROWTH = 1.5;
/** What is allowed to wait beside a second round trip. */
const SLACK_MS = 4;
/** A rate that has not grown by so much in so many round trips is the path's. */
const FILLING_GROWTH = 1.25;
const FILLING_ROUNDS = 3;
/** Base round trips that the window spans, and while the rate grows: then what is acknowledged is old news. */
const SPAN = 2;
const FILLING_SPAN = 3;
/** Round trips that a rate counts for. */
const RATE_ROUNDS = 10;
/** How long a base round trip counts that no other was below, and how long at least. */
const BASE_MS = 10_000;
const MIN_BASE_MS = 250;

/**
 * What is known of the path to a peer, and how much may be on the way there: the delivery rate times two
 * base round trips and a little more. With one on the way, and one that is acknowledged, the path never
 * runs dry, and as a window that is too small limits the rate to itself, it doubles with each round trip.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-ccwg-bbr for rate samples and the base round trip
 */
export class PathModel {
  windowBytes: number = INITIAL_BYTES;
  /** Whether the path has shown its limit: then the window may be less than what it began with. */
  isKnown = false;
  #baseRttMs: number | undefined;
  #baseAtMs = -Infinity;
  /** The largest window since the base round trip was looked at. */
  #baseWindow = INITIAL_BYTES;
  #rounds = 0;
  /** The rate when it last grew by much, and the round trip that was in. */
  #grownRate = 0;
  #grownAt = -Infinity;
  readonly #rates = new WindowedMax(RATE_ROUNDS);

  /** The shortest round trip of late on an empty path, in milliseconds. */
  get baseRttMs(): number | undefined {
    return this.#baseRttMs;
  }

  /** Bytes a millisecond; 0 before any were acknowledged. */
  get rate(): number {
    return this.#rates.value;
  }

  /** @param turnMs - how long a turn of the event loop takes here, as no answer is seen before */
  add(sample: PathSample, nowMs: number, turnMs: number): void {
    const { bytes, elapsedMs, isClean, isFull, isRound, rttMs } = sample;
    if (isRound) this.#turnRound();
    if (isClean) this.#rebase(rttMs, nowMs);
    // Who sends less than the path takes learns nothing from it but that it takes as much.
    if (bytes > 0 && elapsedMs > 0 && (isFull || bytes / elapsedMs >= this.rate)) {
      this.#rates.add(bytes / elapsedMs, this.#rounds);
      if (isFull) this.isKnown = true;
    }
    this.#resize(rttMs, turnMs, isRound && !isFull);
    this.#baseWindow = isClean ? this.windowBytes : Math.max(this.#baseWindow, this.windowBytes);
  }

  /**
   * Whether to look at the empty path again: what is known of it is old, or the window has shrunk by half.
   * A longer path makes it shrink as a slower one does, and only the latter is to be believed.
   */
  isStale(nowMs: number): boolean {
    const ageMs = nowMs - this.#baseAtMs;
    const hasShrunk = this.windowBytes < this.#baseWindow / 2;
    return this.isKnown && (ageMs > BASE_MS || (hasShrunk && ageMs > MIN_BASE_MS));
  }

  /** Whether the rate still grows from round trip to round trip: then answers are worth more. */
  get isFilling(): boolean {
    return this.isKnown && this.#rounds - this.#grownAt <= FILLING_ROUNDS;
  }

  #turnRound(): void {
    this.#rounds++;
    if (this.rate >= FILLING_GROWTH * this.#grownRate) this.#grownAt = this.#rounds;
    else if (this.isFilling) return;
    this.#grownRate = this.rate;
  }

  #rebase(rttMs: number, nowMs: number): void {
    const isShorter = rttMs <= (this.#baseRttMs ?? Infinity);
    const isOld = nowMs - this.#baseAtMs > BASE_MS;
    if (!isShorter && !isOld && !this.isStale(nowMs)) return;
    this.#baseRttMs = rttMs;
    this.#baseAtMs = nowMs;
  }

  #resize(rttMs: number, turnMs: number, hasTakenAll: boolean): void {
    const span = this.isFilling ? FILLING_SPAN : SPAN;
    const spanMs = span * (this.#baseRttMs ?? rttMs) + SLACK_MS + 2 * turnMs;
    const bytes = Math.min(Math.round(this.rate * spanMs) + FLOOR_BYTES, MAX_BYTES);
    if (this.isKnown) {
      this.windowBytes = bytes;
      return;
    }
    const isGrowing = hasTakenAll && rttMs <= spanMs && this.windowBytes < UNKNOWN_BYTES;
    this.windowBytes = Math.max(bytes, this.windowBytes * (isGrowing ? GROWTH : 1));
  }
}
