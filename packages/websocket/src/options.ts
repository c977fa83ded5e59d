import {
  checkFunction,
  checkNumber,
  checkOneOf,
  MAX_TIMER_MS,
  outOfRange,
  wrongType,
} from "@spillway/streams/options";
import { isLaneName } from "@spillway/streams/protocol";
import { isSendable } from "./close-codes.ts";

/** How one connection bounds what it holds and when it gives its peer up. */
export interface ConnectionOptions {
  /**
   * Bytes (with frame headers) handed to the socket and not yet taken by the kernel, from which on
   * `writer.ready` waits; the receive side pauses TCP at the same mark.
   *
   * @defaultValue `65_536` (64 KiB)
   */
  readonly highWaterMark?: number | undefined;
  /**
   * Bytes that writes nobody awaits may queue before the writable errors with `SPW_ERR_OVERFLOW`.
   *
   * @defaultValue 16 × `highWaterMark`
   */
  readonly maxQueuedBytes?: number | undefined;
  /**
   * Bytes the peer may leave unacknowledged (by answering pings) before writes wait: `"auto"` for as many
   * as the path has on the way in two round trips and a little more, at most 8 MiB; `false` leaves that
   * to the kernels, which take megabytes.
   *
   * @defaultValue `"auto"`
   */
  readonly window?: "auto" | number | false | undefined;
  /**
   * Payload bytes of the largest message taken from the peer; a larger one ends the connection
   * with 1009. Give the same value to `ws` as `maxPayload`, so that it refuses before buffering.
   *
   * @defaultValue `1_048_576` (1 MiB)
   */
  readonly maxMessageBytes?: number | undefined;
  /**
   * `"stream"` keeps messages for `readable` and pauses TCP at the mark; `"discard"` drops and
   * counts them, for routes that only send.
   *
   * @defaultValue `"stream"`
   */
  readonly receive?: "stream" | "discard" | undefined;
  /**
   * Milliseconds between liveness checks (`everyMs`, 10,000) and without any sign of life after
   * which the peer is given up (`deadlineMs`, 30,000); `false` for no check.
   */
  readonly heartbeat?: HeartbeatOptions | false | undefined;
  /**
   * Milliseconds a closing handshake may take, the flush before it included.
   *
   * @defaultValue `10_000`
   */
  readonly closeTimeoutMs?: number | undefined;
}

/** When a silent peer is given up. */
export interface HeartbeatOptions {
  /** @defaultValue `10_000` */
  readonly everyMs?: number | undefined;
  /** At least 5,000: a peer that reads steadily may show no progress for seconds. @defaultValue `30_000` */
  readonly deadlineMs?: number | undefined;
}

/** How `connection.close()` ends a connection. */
export interface CloseOptions {
  /**
   * A code that RFC 6455 lets an endpoint send, or 3000 to 4999.
   *
   * @defaultValue `1000`
   */
  readonly closeCode?: number | undefined;
  /** At most 123 bytes of UTF-8. @defaultValue `""` */
  readonly reason?: string | undefined;
  /** Whether what has been written is sent first, or dropped and counted. @defaultValue `"flush"` */
  readonly drain?: "flush" | "discard" | undefined;
  /** Milliseconds for all of it; then the socket is dropped. @defaultValue `closeTimeoutMs` */
  readonly deadlineMs?: number | undefined;
}

/** The options of `close()` with every default filled in. */
export interface CloseSettings {
  readonly closeCode: number;
  readonly reason: string;
  readonly drain: "flush" | "discard";
  readonly deadlineMs: number;
}

/** How `connection.lane()` shares the connection. */
export interface LaneOptions {
  /** Higher goes first; a lane that waits is passed over at most 8 times. @defaultValue `0` */
  readonly priority?: number | undefined;
  /** Bytes this lane may queue before its `ready` waits. @defaultValue `65_536` (64 KiB) */
  readonly highWaterMark?: number | undefined;
  /**
   * What a peer that speaks `spillway.v1` finds it by: 1 to 64 characters, and no other open lane's. Without
   * one its messages are in the main stream.
   */
  readonly name?: string | undefined;
  /**
   * Called when such a peer can use nothing of what it was sent: it has slept, say. What follows is to begin
   * with something whole, a keyframe or a snapshot.
   */
  readonly onResync?: (() => void) | undefined;
}

/** The options of `lane()` with every default filled in. */
export interface LaneChoices {
  readonly priority: number;
  readonly highWaterMark: number;
  readonly name: string | undefined;
  readonly onResync: (() => void) | undefined;
}

/** The options with every default filled in. */
export interface ConnectionSettings {
  readonly highWaterMark: number;
  readonly maxQueuedBytes: number;
  readonly window: "auto" | number | false;
  readonly maxMessageBytes: number;
  readonly receive: "stream" | "discard";
  readonly heartbeat: { readonly everyMs: number; readonly deadlineMs: number } | false;
  readonly closeTimeoutMs: number;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 */
export function connectionSettings(
  options: ConnectionOptions | undefined = NO_OPTIONS,
): ConnectionSettings {
  if (options !== NO_OPTIONS) return checkOptions(options);
  // One object for all: most of what an idle connection would cost.
  defaults ??= checkOptions(options);
  return defaults;
}

const NO_OPTIONS: ConnectionOptions = {};
let defaults: ConnectionSettings | undefined;

function checkOptions(options: ConnectionOptions): ConnectionSettings {
  if (typeof options !== "object" || options === null) {
    throw wrongType("options", "an object", options);
  }
  const { window, heartbeat } = options;
  const bytes = { min: 1, integer: true };
  const highWaterMark = checkNumber("highWaterMark", options.highWaterMark, 65_536, bytes);
  const own = "maxQueuedBytes";
  return {
    highWaterMark,
    maxQueuedBytes: checkNumber(own, options.maxQueuedBytes, 16 * highWaterMark, bytes),
    window: checkWindow(window),
    maxMessageBytes: checkNumber("maxMessageBytes", options.maxMessageBytes, 1_048_576, bytes),
    receive: checkOneOf("receive", options.receive, "stream", ["stream", "discard"]),
    heartbeat: heartbeat === false ? false : heartbeatSettings(heartbeat ?? {}),
    closeTimeoutMs: checkNumber("closeTimeoutMs", options.closeTimeoutMs, 10_000, {
      min: 1,
      max: MAX_TIMER_MS,
    }),
  };
}

/**
 * Checks the options of `close()` and fills in the defaults.
 *
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 */
export function closeSettings(options: CloseOptions, closeTimeoutMs: number): CloseSettings {
  const { closeCode = 1000, reason = "" } = options;
  if (!isSendable(closeCode)) {
    throw outOfRange("closeCode", "1000 to 1014 but 1004 to 1006, or 3000 to 4999", closeCode);
  }
  if (Buffer.byteLength(reason) > 123) {
    throw outOfRange("reason", "at most 123 bytes of UTF-8", reason);
  }
  const drain = checkOneOf("drain", options.drain, "flush", ["flush", "discard"]);
  const range = { min: 1, max: MAX_TIMER_MS };
  const deadlineMs = checkNumber("deadlineMs", options.deadlineMs, closeTimeoutMs, range);
  return { closeCode, reason, drain, deadlineMs };
}

/**
 * Checks the options of `lane()` and fills in the defaults.
 *
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 */
export function laneSettings(options: LaneOptions): LaneChoices {
  const { highWaterMark, name, onResync, priority } = options;
  if (name !== undefined && typeof name !== "string") throw wrongType("name", "a string", name);
  if (name !== undefined && !isLaneName(name)) throw outOfRange("name", "1 to 64 characters", name);
  return {
    priority: checkNumber("priority", priority, 0, { min: -1000, max: 1000 }),
    highWaterMark: checkNumber("highWaterMark", highWaterMark, 65_536, { min: 1 }),
    name,
    onResync: checkFunction("onResync", onResync),
  };
}

function checkWindow(window: ConnectionOptions["window"]): ConnectionSettings["window"] {
  if (window === undefined || window === "auto") return "auto";
  if (window === false) return false;
  if (typeof window === "string") throw outOfRange("window", '"auto", bytes or false', window);
  return checkNumber("window", window, 0, { min: 4096 });
}

function heartbeatSettings(
  options: HeartbeatOptions,
): Exclude<ConnectionSettings["heartbeat"], false> {
  if (typeof options !== "object" || options === null) {
    throw wrongType("heartbeat", "an object or false", options);
  }
  const { everyMs, deadlineMs } = options;
  return {
    everyMs: checkNumber("heartbeat.everyMs", everyMs, 10_000, { min: 100, max: MAX_TIMER_MS }),
    deadlineMs: checkNumber("heartbeat.deadlineMs", deadlineMs, 30_000, {
      min: 5000,
      max: MAX_TIMER_MS,
    }),
  };
}
