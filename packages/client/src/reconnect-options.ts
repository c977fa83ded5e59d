import {
  checkBoolean,
  checkFunction,
  checkNumber,
  checkOneOf,
  MAX_TIMER_MS,
  wrongType,
} from "@spillway/streams/options";
import type { BackoffSettings } from "./internal/reconnect/backoff.ts";
import { type ClientSettings, clientSettings, type WebSocketStreamOptions } from "./options.ts";
import type { WebSocketClosed } from "./web-socket-stream.ts";

/** When to connect again, and what to send again. */
export interface ReconnectOptions {
  /**
   * Milliseconds that the first wait is at most; each that follows may be twice as long.
   *
   * @defaultValue `250`
   */
  readonly firstDelayMs?: number | undefined;
  /**
   * Milliseconds that a wait is at most, unless the server asks for a longer one.
   *
   * @defaultValue `30_000`
   */
  readonly maxDelayMs?: number | undefined;
  /**
   * Attempts to make before giving up; a connection that stays open for 10 s starts the count anew.
   *
   * @defaultValue `Infinity`
   */
  readonly maxAttempts?: number | undefined;
  /**
   * Milliseconds after which an attempt that gets no answer has failed.
   *
   * @defaultValue `20_000`
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Bytes of the last messages written and not known to be read that are kept, and sent again first on
   * the next connection: at least once. Only a server with credits tells what it has read. With 0 they are lost.
   *
   * @defaultValue `0`
   */
  readonly replayBytes?: number | undefined;
  /**
   * Decides whether to connect again after a connection that ended so, 1006 being one that was lost.
   *
   * @defaultValue not after 1000, 1002, 1003, 1007 to 1010 and 3000 to 4999
   */
  readonly retry?: ((end: WebSocketClosed) => boolean) | undefined;
}

/** What is done with a readable where messages are missing. */
export interface ReconnectingLaneOptions<Gaps extends boolean = boolean> {
  /**
   * Whether a `Gap` of `@spillway/streams` stands where messages are missing: dropped by the server
   * (`"missed"`), discarded as stale (`"expired"`), or lost with a connection (`"closed"`; nobody knows how many).
   *
   * @defaultValue `false`
   */
  readonly gaps?: Gaps | undefined;
  /**
   * Whether what waits unread is discarded, and counted, when a connection is lost, and when the page
   * resumes: then the server is asked to begin with something whole, such as a keyframe.
   *
   * @defaultValue `"keep"`
   */
  readonly stale?: "keep" | "drop" | undefined;
}

/** The options of `WebSocketStream`, those of the readable, and those of coming back. */
export interface ReconnectingOptions<Gaps extends boolean = boolean>
  extends WebSocketStreamOptions, ReconnectingLaneOptions<Gaps> {
  readonly reconnect?: ReconnectOptions | undefined;
  /**
   * When a server with credits is asked to send nothing for now: while the page is frozen, or kept for when the user goes back (`"page"`),
   * also while it is hidden (`"visible"`), or only when you call `suspend()` (`"off"`; nor does a page
   * that wakes, or is online again, connect at once).
   *
   * @defaultValue `"page"`
   */
  readonly lifecycle?: "page" | "visible" | "off" | undefined;
}

/** The options with every default filled in. */
export interface ReconnectingSettings extends BackoffSettings {
  readonly client: ClientSettings;
  readonly maxAttempts: number;
  readonly connectTimeoutMs: number;
  readonly replayBytes: number;
  readonly retry: ((end: WebSocketClosed) => boolean) | undefined;
  readonly lifecycle: "page" | "visible" | "off";
  readonly main: LaneSettings;
}

/** As {@link ReconnectingLaneOptions}. */
export interface LaneSettings {
  readonly gaps: boolean;
  readonly stale: "keep" | "drop";
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws as {@link clientSettings}
 */
export function reconnectingSettings(
  options: ReconnectingOptions | null | undefined,
): ReconnectingSettings {
  const client = clientSettings(options);
  const { lifecycle, reconnect = {} } = options ?? {};
  if (Object(reconnect) !== reconnect) throw wrongType("reconnect", "an object", reconnect);
  const time = { min: 1, max: MAX_TIMER_MS };
  const { firstDelayMs, maxDelayMs, maxAttempts, connectTimeoutMs, replayBytes } = reconnect;
  return {
    client,
    firstDelayMs: checkNumber("firstDelayMs", firstDelayMs, 250, time),
    maxDelayMs: checkNumber("maxDelayMs", maxDelayMs, 30_000, time),
    maxAttempts: checkNumber("maxAttempts", maxAttempts, Infinity, { min: 1, integer: true }),
    connectTimeoutMs: checkNumber("connectTimeoutMs", connectTimeoutMs, 20_000, time),
    replayBytes: checkNumber("replayBytes", replayBytes, 0, { min: 0, integer: true }),
    retry: checkFunction("retry", reconnect.retry),
    lifecycle: checkOneOf("lifecycle", lifecycle, "page", ["page", "visible", "off"]),
    main: laneSettings(options ?? {}),
  };
}

/** @throws as {@link clientSettings} */
export function laneSettings({ gaps, stale }: ReconnectingLaneOptions): LaneSettings {
  return {
    gaps: checkBoolean("gaps", gaps),
    stale: checkOneOf("stale", stale, "keep", ["keep", "drop"]),
  };
}
