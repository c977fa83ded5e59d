import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { ConnectionState } from "../stats.ts";
import { leavable } from "./leavable.ts";
import { turnTime } from "./turn-time.ts";

/** Of the time without room: from here on a peer is slower than what is offered, and down to there it stays so. */
const CONGESTED = 0.5;
const EASED = 0.2;
/** Milliseconds from one late answer to another, with none in time between, that show the same. */
const LATE_MS = 200;
/** Milliseconds without progress from which a peer counts as frozen that tells nothing itself; less may be a slow reader. */
const FROZEN_MS = 5_000;

/** Milliseconds from one look to the next, for those who want to hear of changes. */
const LOOK_EVERY_MS = 100;

/** Who waits for answers of the peer. */
interface Asking {
  overdueMs(nowMs: number): number;
  lateMs(nowMs: number): number;
  /** Whether the peer has said that it wants nothing for now. */
  readonly isSuspended?: boolean;
  /** Whether it has answered ever: then its answers tell how slow it is. */
  readonly isAnswering?: boolean;
}

/** What a connection has, as far as it was needed. */
export interface Parts {
  readonly isDead: boolean;
  /** Whether we do not read. */
  readonly isPaused: boolean;
  readonly account: { readonly stalledMs: number; readonly congestion: number } | undefined;
  readonly flow: Asking | undefined;
  readonly credits?: Asking | undefined;
}

/** What a connection is like, from all that is known of it. */
export class Condition {
  #state: ConnectionState = "healthy";
  #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  look(parts: Parts, nowMs: number): ConnectionState {
    const state = this.#judge(parts, nowMs);
    if (state !== this.#state) this.#sinceMs = nowMs;
    this.#state = state;
    return state;
  }

  /** Milliseconds since it was first seen to be what it is. */
  lasts(nowMs: number): number {
    return nowMs - this.#sinceMs;
  }

  #judge({ isDead, isPaused, account, credits, flow }: Parts, nowMs: number): ConnectionState {
    if (isDead) return "dead";
    if (isPaused) return "paused";
    if (!account) return "healthy";
    // Answers that have come lie here until a turn is over.
    const toleratedMs = 2 * turnTime(nowMs);
    const isSilent = [flow, credits].some((one) => one && one.overdueMs(nowMs) > toleratedMs);
    const isStalled = account.stalledMs >= FROZEN_MS && !credits?.isAnswering;
    if (isSilent || credits?.isSuspended || isStalled) return "frozen";
    const least = this.#state === "congested" ? EASED : CONGESTED;
    // The path may fill long before the window does.
    const isLate = [flow, credits].some((one) => one && one.lateMs(nowMs) >= LATE_MS);
    return isLate || account.congestion >= least ? "congested" : "healthy";
  }
}

interface Watched {
  readonly state: ConnectionState;
}

/** What is seen of the states of a connection, until it is dead. */
export function statesOf(connection: Watched): AsyncIterableIterator<ConnectionState, void, void> {
  return leavable((isLeft) => look(connection, isLeft));
}

async function* look(
  connection: Watched,
  isLeft: () => boolean,
): AsyncGenerator<ConnectionState, void, void> {
  let last: ConnectionState | undefined;
  while (!isLeft()) {
    const { state } = connection;
    if (state !== last) yield state;
    if (state === "dead") return;
    last = state;
    await sleep(LOOK_EVERY_MS, undefined, { ref: false });
    // Answers that came while this process was busy are read before anyone is called silent.
    await nextTurn();
  }
}
