import { SpillwayError } from "@spillway/streams";
import { type Credit, INITIAL_CREDIT } from "@spillway/streams/protocol";
import { Condition } from "./condition.ts";
import { Delivery } from "./delivery.ts";
import { wireBytes } from "./header.ts";
import type { RunBounds } from "./run.ts";
import { Share } from "./share.ts";
import { turnNow } from "./turn-time.ts";

/** Questions on their way; the protocol allows for more. */
const MAX_OPEN = 32;
/** From question to question, as a share of the messages that may be unread. */
const SPACING = 1 / 4;
/** Messages from question to question: `FEW`, or `MANY` where the last was asked less than `FEW_MS` ago. */
const FEW = 16;
const MANY = 64;
const FEW_MS = 10;
/** Milliseconds after which something is asked again where all that was asked is answered. */
const ASK_EVERY_MS = 250;

/** What was asked: how far the peer has read. */
interface Asked {
  /** Messages before the question, and their payload. */
  readonly messages: number;
  readonly bytes: number;
  readonly offset: number;
}

/** How a lane speaks to the peer. */
export interface LaneCreditHost {
  /** Whether the peer wants nothing for now. */
  readonly isSuspended: boolean;
  /** Whether a message of the lane has left in part: a question would stand behind it, and count it. */
  isWithin(lane: LaneCredit): boolean;
  /** Says that what follows is of this lane. */
  select(lane: number): void;
  /** Asks behind what was sent. */
  ask(): void;
  /** So many messages were dropped here. */
  gap(messages: number): void;
  /** No more will come. */
  end(lane: number): void;
}

/** What of one lane the application at the other end has not read, and what more it may be sent. */
export class LaneCredit {
  readonly lane: number;
  readonly name: string;
  /** Those who write to it. */
  users = 0;
  /** The peer has lost its place, and needs something to begin with. */
  resync: (() => void) | undefined;
  readonly condition: Condition = new Condition(performance.now());
  readonly #host: LaneCreditHost;
  readonly #delivery: Delivery;
  readonly #asked: Asked[] = [];
  #credit: Credit = INITIAL_CREDIT;
  #askedAt = -Infinity;
  #sentMessages = 0;
  #sentBytes = 0;
  #readMessages = 0;
  #readBytes = 0;
  /** The time without room. */
  readonly #blocked = new Share();
  #isBlocked = false;

  /** @param window - what may be unread as far as this end is concerned */
  constructor(lane: number, name: string, window: "auto" | number | false, host: LaneCreditHost) {
    this.#host = host;
    this.lane = lane;
    this.name = name;
    this.#delivery = new Delivery(window === false ? Infinity : window);
  }

  /** The peer tells what it is willing to hold. */
  grant(credit: Credit): void {
    this.#credit = credit;
  }

  /** Bytes of payload that may be sent, the last message of them as long as it is; 0 or less: none. */
  get room(): number {
    const { isDraining, windowBytes, sent, acknowledged } = this.#delivery;
    if (isDraining || this.#host.isSuspended) return 0;
    if (this.inFlightMessages >= this.#credit.messages) return 0;
    return Math.min(windowBytes - (sent - acknowledged), this.#credit.bytes - this.inFlightBytes);
  }

  get sentMessages(): number {
    return this.#sentMessages;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Share of the time without room, of late: 0 to 1. */
  get congestion(): number {
    return this.#blocked.at(performance.now());
  }

  /** Sent, and not known to be read. */
  get inFlightBytes(): number {
    return this.#sentBytes - this.#readBytes;
  }

  get inFlightMessages(): number {
    return this.#sentMessages - this.#readMessages;
  }

  /** What may be unread. */
  get windowBytes(): number {
    return Math.min(this.#delivery.windowBytes, this.#credit.bytes);
  }

  /** From a question to its answer, reading included; `undefined` before the first. */
  get rttMs(): number | undefined {
    return this.#delivery.rttMs;
  }

  /** When the oldest open question was asked. */
  get askedAt(): number | undefined {
    return this.#delivery.askedAt;
  }

  /** As {@link Delivery.overdueMs}. */
  overdueMs(nowMs: number): number {
    return this.#delivery.overdueMs(nowMs);
  }

  /** As {@link Delivery.lateMs}. */
  lateMs(nowMs: number): number {
    return this.#delivery.lateMs(nowMs);
  }

  /** Milliseconds until what is sent now has been read, by what is known of that. */
  transitMs(bytes: number, nowMs: number): number {
    return this.#delivery.transitMs(this.inFlightBytes, bytes, nowMs);
  }

  /** No more comes from one who wrote to it. */
  leave(): void {
    this.users--;
    if (this.lane > 0) this.#host.end(this.lane);
  }

  /** A message is next. */
  begin(): void {
    this.#host.select(this.lane);
    const nowMs = turnNow();
    // With nothing unread it shows how long an answer takes.
    if (nowMs >= this.#delivery.askAt && this.#delivery.open === 0) this.#ask(nowMs);
  }

  /** What may be sent in one piece of so many bytes on the wire: no question is due before its end. */
  boundsOf(bytes: number): RunBounds {
    const unasked = this.#sentMessages - this.#askedMessages;
    const messages = this.#credit.messages - this.inFlightMessages;
    const untilAsked = this.#step(turnNow()) - unasked;
    return { bytes, payloadBytes: this.room, messages: Math.min(messages, untilAsked) };
  }

  /** Messages were sent to their end. */
  sent(payloadBytes: number, messages: number = 1): void {
    this.#sentMessages += messages;
    this.#sentBytes += payloadBytes;
    this.#delivery.sent += wireBytes(payloadBytes);
    if (this.room <= 0) this.#delivery.filled();
    const nowMs = turnNow();
    if (this.#isDue(nowMs)) this.#ask(nowMs);
    this.update();
  }

  /** So many messages are missing here. */
  gap(messages: number): void {
    this.#host.select(this.lane);
    this.#host.gap(messages);
  }

  /** What was sent has left. */
  leaving(): void {
    this.#delivery.leave();
  }

  /**
   * The peer has read so many messages.
   *
   * @returns when it was asked
   * @throws {@link SpillwayError} with `SPW_ERR_PROTOCOL` if it was not asked whether it has
   */
  answer(messages: number, nowMs: number): number {
    const index = this.#asked.findIndex((asked) => asked.messages === messages);
    if (index < 0) throw notAsked(this, messages);
    const [asked] = this.#asked.splice(0, index + 1).slice(-1) as [Asked];
    this.#readMessages = messages;
    this.#readBytes = asked.bytes;
    const answer = this.#delivery.answer(asked.offset, nowMs);
    if (!answer) throw notAsked(this, messages);
    this.#delivery.judge(answer, nowMs);
    this.#delivery.learn(answer, true, nowMs);
    // What is awaited before anything else is sent; and what was not asked may fill a window that has shrunk.
    const isAwaited = this.#delivery.isDraining && this.#delivery.open === 0;
    const isAsked = isAwaited || this.#isDue(nowMs);
    // At its end a message asks by itself.
    if (isAsked && !this.#host.isWithin(this)) this.#ask(nowMs);
    this.update();
    return answer.question.sentAt;
  }

  /** Looks again whether there is room. */
  update(): void {
    const isBlocked = this.room <= 0;
    if (isBlocked === this.#isBlocked) return;
    this.#isBlocked = isBlocked;
    this.#blocked.set(isBlocked, performance.now());
  }

  #isDue(nowMs: number): boolean {
    const { open, isSpaced } = this.#delivery;
    const unasked = this.#sentMessages - this.#askedMessages;
    if (open >= MAX_OPEN || unasked === 0) return false;
    const isTime = open === 0 && nowMs >= this.#askedAt + ASK_EVERY_MS;
    return isSpaced || isTime || unasked >= this.#step(nowMs) || this.room <= 0;
  }

  /** Messages before the last question. */
  get #askedMessages(): number {
    return this.#asked.at(-1)?.messages ?? this.#readMessages;
  }

  /** Messages from the last question to the next. */
  #step(nowMs: number): number {
    const asked = this.#askedMessages;
    // A little farther each time, so that who reads slowly has answered one before it is missed, and few are asked
    // much; from few on, as nobody knows when they become slow.
    const least = nowMs < this.#askedAt + FEW_MS ? MANY : FEW;
    const next = Math.max(least, (asked - this.#readMessages) / 2);
    return Math.min(next, asked / 3, this.#credit.messages * SPACING);
  }

  #ask(nowMs: number): void {
    this.#askedAt = nowMs;
    this.#delivery.ask(nowMs);
    const { sent: offset } = this.#delivery;
    this.#asked.push({ messages: this.#sentMessages, bytes: this.#sentBytes, offset });
    this.#host.select(this.lane);
    this.#host.ask();
  }
}

function notAsked({ lane }: LaneCredit, messages: number): SpillwayError {
  const message = `Cannot take answer: ${messages} messages of lane ${lane} were not asked about`;
  return new SpillwayError("SPW_ERR_PROTOCOL", message);
}
