import type { DropCounter, DropCounts } from "@spillway/streams";
import type { Acknowledger, FlowWindow } from "./flow-window.ts";
import type { Inbox } from "./internal/inbox.ts";
import type { Outbox } from "./internal/outbox.ts";
import { INITIAL_BYTES } from "./internal/path-model.ts";
import type { ConnectionSettings } from "./options.ts";

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
  /** Sent and not yet acknowledged; `undefined` without a window. */
  readonly inFlightBytes: number | undefined;
  /** Bytes that may be in flight now; `undefined` without a window. */
  readonly windowBytes: number | undefined;
  /** Who acknowledges what is in flight; `undefined` without a window. */
  readonly acknowledgedBy: Acknowledger | undefined;
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
  /** Milliseconds since anything moved, while there is no room; 0 otherwise. */
  readonly stalledForMs: number;
  readonly connectedForMs: number;
}

/** What a connection has, as far as it was needed. */
interface Parts {
  readonly state: ConnectionState;
  readonly stateForMs: number;
  readonly settings: ConnectionSettings;
  readonly outbox: Outbox | undefined;
  readonly inbox: Inbox | undefined;
  readonly flow: FlowWindow | undefined;
  readonly drops: DropCounter;
  readonly connectedAt: number;
}

/** Puts the account together. */
export function statsOf(parts: Parts): ConnectionStats {
  const { state, stateForMs, outbox, inbox, flow, drops, connectedAt } = parts;
  const { window } = parts.settings;
  const hasWindow = window !== false;
  const fixed = typeof window === "number" ? window : INITIAL_BYTES;
  return {
    state,
    stateForMs,
    congestion: outbox?.account.congestion ?? 0,
    queuedBytes: outbox?.account.queued ?? 0,
    bufferedBytes: outbox?.account.buffered ?? 0,
    inFlightBytes: hasWindow ? (flow?.inFlight ?? 0) : undefined,
    windowBytes: hasWindow ? (flow?.windowBytes ?? fixed) : undefined,
    acknowledgedBy: hasWindow ? (flow?.acknowledgedBy ?? "ping") : undefined,
    rttMs: flow?.rttMs,
    baseRttMs: flow?.baseRttMs,
    deliveryRate: flow?.deliveryRate,
    receiveQueuedBytes: inbox?.queued ?? 0,
    sentMessages: outbox?.sentMessages ?? 0,
    sentBytes: outbox?.sentBytes ?? 0,
    receivedMessages: inbox?.messages ?? 0,
    receivedBytes: inbox?.bytes ?? 0,
    dropped: drops.counts(),
    backpressureMs: outbox?.account.backpressureMs ?? 0,
    stalledForMs: outbox?.account.stalledMs ?? 0,
    connectedForMs: performance.now() - connectedAt,
  };
}
