import type { DropCounts } from "@spillway/streams";
import type { Acknowledger } from "./flow-window.ts";
import type { LaneCredit } from "./internal/lane-credit.ts";
import type { Link } from "./internal/link.ts";
import { INITIAL_BYTES } from "./internal/path-model.ts";

/**
 * How a connection does: moving; moving, but slower than what is offered; silent; paused because `readable`
 * is full; or over. Silent is a peer that has owed an answer for 350 ms, and for twice as long as
 * its slowest of late; one that does not answer is when nothing has moved for 5 s.
 */
export type ConnectionState = "healthy" | "congested" | "frozen" | "paused" | "dead";

/** A connection's account at one moment. Bytes are wire bytes: payload and frame headers. */
export interface ConnectionStats {
  readonly state: ConnectionState;
  /** Milliseconds since it was first seen in that state. */
  readonly stateForMs: number;
  /** Share of the time without room to send, of late: 0 to 1. */
  readonly congestion: number;
  /** Written and not yet handed to the socket. */
  readonly queuedBytes: number;
  /** Handed to the socket and not yet taken by the kernel. */
  readonly bufferedBytes: number;
  /** Sent and not yet acknowledged, of all lanes; `undefined` without a window. */
  readonly inFlightBytes: number | undefined;
  /** Bytes that may be in flight now, of all lanes; `undefined` without a window. */
  readonly windowBytes: number | undefined;
  /** Who acknowledges what is in flight; `undefined` without a window. */
  readonly acknowledgedBy: Acknowledger | undefined;
  /** Each lane in use, of a peer that says what it reads; `undefined` for any other. */
  readonly lanes: readonly LaneStats[] | undefined;
  /** Of the last ping answered, queueing included; `undefined` before the first. */
  readonly rttMs: number | undefined;
  /** Shortest round trip of late with nothing in flight; `undefined` before one, and without a window. */
  readonly baseRttMs: number | undefined;
  /** Bytes a second that the path has been seen to take of late; `undefined` before an answer, and without a window. */
  readonly deliveryRate: number | undefined;
  /** Received and not yet read by the application. */
  readonly receiveQueuedBytes: number;
  readonly sentMessages: number;
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly receivedBytes: number;
  /** By reason; a chunk is a message, a size its wire bytes. Stages bill theirs by `recordDrop`. */
  readonly dropped: DropCounts;
  /** Milliseconds without room to send, in all. */
  readonly backpressureMs: number;
  /**
   * Milliseconds since anything moved, while there is no room; 0 otherwise. Or of a peer that says what it
   * reads, milliseconds for which it has owed an answer.
   */
  readonly stalledForMs: number;
  readonly connectedForMs: number;
}

/** One lane of a peer that says what it reads. Bytes are payload. */
export interface LaneStats {
  /** `""` for the main one. */
  readonly name: string;
  /** As {@link ConnectionStats.state}; a lane that nobody reads is frozen though others are not. */
  readonly state: ConnectionState;
  /** Share of the time without room to send on it, of late: 0 to 1. */
  readonly congestion: number;
  readonly sentMessages: number;
  readonly sentBytes: number;
  /** Sent, and not known to be read. */
  readonly inFlightBytes: number;
  readonly inFlightMessages: number;
  /** Bytes that may be. */
  readonly windowBytes: number;
  /** From the last question to its answer, reading included; `undefined` before the first. */
  readonly rttMs: number | undefined;
}

/** What is known of a connection beside what it has. */
interface Parts {
  readonly state: ConnectionState;
  readonly stateForMs: number;
  readonly link: Link;
  readonly connectedAt: number;
}

/** Puts the account together. */
export function statsOf({ state, stateForMs, link, connectedAt }: Parts): ConnectionStats {
  const { outboxIfAny: outbox, inboxIfAny: inbox, flowIfAny: flow, credits } = link;
  const { window } = link.settings;
  const lanes = credits?.used;
  const hasWindow = window !== false;
  const fixed = typeof window === "number" ? window : INITIAL_BYTES;
  const pinged = (): Window => ({
    inFlightBytes: hasWindow ? (flow?.inFlight ?? 0) : undefined,
    windowBytes: hasWindow ? (flow?.windowBytes ?? fixed) : undefined,
    acknowledgedBy: hasWindow ? (flow?.acknowledgedBy ?? "ping") : undefined,
  });
  const nowMs = performance.now();
  const congestion = outbox?.account.congestion ?? 0;
  return {
    state,
    stateForMs,
    congestion,
    queuedBytes: outbox?.account.queued ?? 0,
    bufferedBytes: outbox?.account.buffered ?? 0,
    ...(lanes ? credited(lanes) : pinged()),
    lanes: lanes?.map((lane) => laneStats(lane, state, congestion)),
    rttMs: flow?.rttMs,
    baseRttMs: flow?.baseRttMs,
    deliveryRate: flow?.deliveryRate,
    receiveQueuedBytes: inbox?.queued ?? 0,
    sentMessages: outbox?.sentMessages ?? 0,
    sentBytes: outbox?.sentBytes ?? 0,
    receivedMessages: inbox?.messages ?? 0,
    receivedBytes: inbox?.bytes ?? 0,
    dropped: link.drops.counts(),
    backpressureMs: outbox?.account.backpressureMs ?? 0,
    stalledForMs: Math.max(outbox?.account.stalledMs ?? 0, credits?.silentMs(nowMs) ?? 0),
    connectedForMs: nowMs - connectedAt,
  };
}

/** How a lane does: of a peer that does not tell lanes apart, as its connection. */
export function statsOfLane(name: string | undefined, connection: ConnectionStats): LaneStats {
  const own = connection.lanes?.find((lane) => lane.name === (name ?? ""));
  if (own) return own;
  const { congestion, rttMs, sentBytes, sentMessages, state } = connection;
  const { inFlightBytes = 0, windowBytes = Infinity } = connection;
  const inFlightMessages = 0;
  return {
    name: "",
    state,
    congestion,
    sentMessages,
    sentBytes,
    inFlightBytes,
    inFlightMessages,
    windowBytes,
    rttMs,
  };
}

type Window = Pick<ConnectionStats, "inFlightBytes" | "windowBytes" | "acknowledgedBy">;

function credited(lanes: readonly LaneCredit[]): Window {
  let [inFlightBytes, windowBytes] = [0, 0];
  for (const lane of lanes) {
    inFlightBytes += lane.inFlightBytes;
    windowBytes += lane.windowBytes;
  }
  return { inFlightBytes, windowBytes, acknowledgedBy: "credit" };
}

/** @param state - of its connection, like the congestion: nothing is better off than that */
function laneStats(lane: LaneCredit, state: ConnectionState, congested: number): LaneStats {
  const { name, sentMessages, sentBytes, inFlightBytes, inFlightMessages, windowBytes } = lane;
  const congestion = Math.max(lane.congestion, congested);
  const own = lane.condition.look(
    {
      isDead: state === "dead",
      isPaused: state === "paused",
      account: { stalledMs: 0, congestion },
      flow: lane,
    },
    performance.now(),
  );
  return {
    name,
    state: state === "frozen" ? state : own,
    congestion,
    sentMessages,
    sentBytes,
    inFlightBytes,
    inFlightMessages,
    windowBytes,
    rttMs: lane.rttMs,
  };
}
