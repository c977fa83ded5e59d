import { SpillwayError } from "@spillway/streams";
import { reportUncaught } from "@spillway/streams/ends";
import { outOfRange } from "@spillway/streams/options";
import {
  type Control,
  type Credit,
  creditOf,
  encodeControl,
  type Hello,
  MAX_LANE,
  VERSION,
} from "@spillway/streams/protocol";
import { LaneCredit, type LaneCreditHost } from "./lane-credit.ts";

/** How credits reach the peer. */
export interface CreditsHost {
  /** Sends a control message behind what was sent. */
  tell(text: string): void;
  /** Sends how much was read, in place of what waits to say so. */
  answer(text: string): void;
  /** Whether a message of the lane has left in part. */
  isWithin(lane: LaneCredit): boolean;
  /** There is room again. */
  opened(): void;
}

/** What the application at the other end may leave unread, lane by lane. */
export class Credits implements LaneCreditHost {
  readonly #host: CreditsHost;
  readonly #window: "auto" | number | false;
  readonly #lanes: LaneCredit[];
  #granted: Credit | undefined;
  #selected = 0;
  #isSuspended = false;
  /** When the latest question was asked that was answered. */
  #aliveAt = -Infinity;

  constructor(window: "auto" | number | false, host: CreditsHost) {
    this.#host = host;
    this.#window = window;
    this.#lanes = [new LaneCredit(0, "", window, this)];
  }

  /** Where everything goes that is of no lane. */
  get main(): LaneCredit {
    return this.#lanes[0] as LaneCredit;
  }

  /** Those that somebody writes to. */
  get used(): readonly LaneCredit[] {
    return this.#lanes.filter(({ users }) => users > 0);
  }

  /** What the lane with most room may be sent; 0 or less: nothing may be sent at all. */
  get room(): number {
    let most = -Infinity;
    for (const { users, room } of this.#lanes) if (users > 0) most = Math.max(most, room);
    return most === -Infinity ? this.main.room : most;
  }

  /** Whether the peer has answered ever. */
  get isAnswering(): boolean {
    return this.#aliveAt > -Infinity;
  }

  /** Whether the peer has introduced itself. */
  get isAgreed(): boolean {
    return this.#granted !== undefined;
  }

  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /**
   * As {@link LaneCredit.overdueMs}, of the application as a whole: who has answered what was asked later, on
   * another lane, only leaves this one alone.
   */
  overdueMs(nowMs: number): number {
    let most = -Infinity;
    for (const lane of this.#lanes) {
      const isOpen = lane.askedAt !== undefined && lane.askedAt >= this.#aliveAt;
      if (isOpen) most = Math.max(most, lane.overdueMs(nowMs));
    }
    return most;
  }

  /** Milliseconds for which the application as a whole has owed an answer; 0 while that is in time. */
  silentMs(nowMs: number): number {
    const isSilent = this.overdueMs(nowMs) > 0;
    if (!isSilent) return 0;
    const asked = this.#lanes.flatMap(({ askedAt = -Infinity }) => {
      return askedAt >= this.#aliveAt ? [askedAt] : [];
    });
    return nowMs - Math.min(...asked);
  }

  /** As {@link LaneCredit.lateMs}, of the lane that moves best. */
  lateMs(nowMs: number): number {
    return Math.min(...this.#lanes.map((lane) => lane.lateMs(nowMs)));
  }

  /**
   * Opens a lane that the peer tells from others.
   *
   * @throws `RangeError` with `code: "SPW_ERR_OPTION"`
   */
  open(name: string): LaneCredit {
    if (this.#lanes.some((lane) => lane.name === name && lane.users > 0)) {
      throw outOfRange("name", "one that no other lane has", name);
    }
    if (this.#lanes.length > MAX_LANE) {
      throw outOfRange("name", `at most ${MAX_LANE} lanes in the life of a connection`, name);
    }
    const lane = new LaneCredit(this.#lanes.length, name, this.#window, this);
    if (this.#granted) lane.grant(this.#granted);
    this.#lanes.push(lane);
    this.#tell({ type: "name", lane: lane.lane, name });
    return lane;
  }

  isWithin(lane: LaneCredit): boolean {
    return this.#host.isWithin(lane);
  }

  select(lane: number): void {
    if (this.#selected === lane) return;
    this.#selected = lane;
    this.#tell({ type: "select", lane });
  }

  ask(): void {
    this.#tell({ type: "ask" });
  }

  gap(messages: number): void {
    this.#tell({ type: "gap", messages });
  }

  end(lane: number): void {
    this.#tell({ type: "end", lane });
  }

  /** What was sent leaves. */
  leaving(): void {
    for (const lane of this.#lanes) lane.leaving();
  }

  /** Introduces this end. */
  hello(credit: Credit): void {
    this.#tell({ type: "hello", version: VERSION, ...credit });
  }

  /** So many messages from the peer were read. */
  answer(messages: number): void {
    this.#host.answer(encodeControl({ type: "answer", lane: 0, messages }));
  }

  /**
   * Takes what the peer says of what it is sent.
   *
   * @throws {@link SpillwayError} with `SPW_ERR_PROTOCOL` for what a client must not say
   */
  take(control: Control): void {
    switch (control.type) {
      case "hello":
        this.#grant(control);
        break;
      case "answer":
        this.#hear(this.#laneOf(control.lane), control.messages);
        break;
      case "resync":
        this.#resync(this.#laneOf(control.lane));
        break;
      case "suspend":
      case "resume":
        this.#isSuspended = control.type === "suspend";
        for (const lane of this.#lanes) lane.update();
        break;
      default:
        throw unexpected(`a client sends no message ${control.type}`);
    }
    this.#host.opened();
  }

  #hear(lane: LaneCredit, messages: number): void {
    const askedAt = lane.answer(messages, performance.now());
    this.#aliveAt = Math.max(this.#aliveAt, askedAt);
  }

  #resync({ resync }: LaneCredit): void {
    try {
      resync?.();
    } catch (error) {
      reportUncaught(error);
    }
  }

  #laneOf(number: number): LaneCredit {
    const lane = this.#lanes[number];
    if (!lane) throw unexpected(`lane ${number} does not exist`);
    return lane;
  }

  #grant(hello: Hello): void {
    if (this.#granted) throw unexpected("a second hello");
    this.#granted = creditOf(hello);
    for (const lane of this.#lanes) {
      lane.grant(this.#granted);
      lane.update();
    }
  }

  #tell(control: Control): void {
    this.#host.tell(encodeControl(control));
  }
}

function unexpected(what: string): SpillwayError {
  return new SpillwayError("SPW_ERR_PROTOCOL", `Cannot go on with spillway.v1: ${what}`);
}
