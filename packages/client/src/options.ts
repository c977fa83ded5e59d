import { checkNumber, checkOneOf, wrongType } from "@spillway/streams/options";
import { toProtocols } from "./internal/address.ts";
import { findWebSocket, type WebSocketConstructor } from "./internal/platform.ts";
import type { UnreadBounds, UnreadQueue } from "./unread-queue.ts";

const overflowWords = ["error", "drop-oldest", "drop-newest", "latest"] as const;

/** What happens to a message for which there is no room. */
export type OverflowWord = (typeof overflowWords)[number];

/** The proposal's `protocols` and `signal`, and what we add to them. */
export interface WebSocketStreamOptions {
  /** Subprotocols to offer, the best first. */
  readonly protocols?: Iterable<string> | undefined;
  /** Gives up while the connection is being made; later it does nothing. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether to agree with the server on credits, so that what the application has not read holds the
   * server up: `"auto"` does without where the server knows none, `"require"` fails there, `"off"`
   * does not ask.
   *
   * @defaultValue `"auto"`
   */
  readonly credits?: "auto" | "require" | "off" | undefined;
  /**
   * Bytes of payload that may wait unread: with credits the server sends no more (65,536 at least, on each lane);
   * without, `overflow` says what happens then.
   *
   * @defaultValue `1_048_576` (1 MiB)
   */
  readonly highWaterMark?: number | undefined;
  /**
   * Messages that may wait unread, as `highWaterMark` (with credits 64 at least).
   *
   * @defaultValue `1_024`
   */
  readonly maxUnreadMessages?: number | undefined;
  /**
   * Bytes that writes nobody awaits may queue before the writable errors.
   *
   * @defaultValue 16 × `highWaterMark`
   */
  readonly maxQueuedBytes?: number | undefined;
  /**
   * What happens when too much waits unread and the server knows no credits: the streams error with
   * `SPW_ERR_OVERFLOW`, or messages are dropped and counted. For ages and policies it is a function that makes
   * the queue, for each lane one: `(bounds) => new BoundedQueue({ ...bounds, overflow: policy })`.
   *
   * @defaultValue `"error"`
   */
  readonly overflow?: OverflowWord | ((bounds: UnreadBounds) => UnreadQueue) | undefined;
  /**
   * The constructor to use, where the platform has none.
   *
   * @defaultValue the platform's
   */
  readonly WebSocket?: WebSocketConstructor | undefined;
}

/** The options with every default filled in. */
export interface ClientSettings {
  readonly protocols: readonly string[];
  readonly signal: AbortSignal | undefined;
  readonly credits: "auto" | "require" | "off";
  readonly highWaterMark: number;
  readonly maxUnreadMessages: number;
  readonly maxQueuedBytes: number;
  readonly overflow: OverflowWord | ((bounds: UnreadBounds) => UnreadQueue);
  readonly WebSocket: WebSocketConstructor;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`; what the proposal has an error for
 * throws that
 */
export function clientSettings(given: WebSocketStreamOptions | null | undefined): ClientSettings {
  const options = given ?? {};
  if (Object(options) !== options) throw wrongType("options", "an object", options);
  const { signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw wrongType("signal", "an AbortSignal", signal);
  }
  const whole = { min: 1, integer: true };
  const highWaterMark = checkNumber("highWaterMark", options.highWaterMark, 1_048_576, whole);
  const own = "maxQueuedBytes";
  const { overflow } = options;
  if (typeof overflow === "object") {
    throw wrongType("overflow", "a word, or a function that makes a BoundedQueue", overflow);
  }
  return {
    protocols: toProtocols(options.protocols),
    signal,
    credits: checkOneOf("credits", options.credits, "auto", ["auto", "require", "off"]),
    highWaterMark,
    maxUnreadMessages: checkNumber("maxUnreadMessages", options.maxUnreadMessages, 1024, whole),
    maxQueuedBytes: checkNumber(own, options.maxQueuedBytes, 16 * highWaterMark, whole),
    overflow:
      typeof overflow === "function"
        ? overflow
        : checkOneOf("overflow", overflow, "error", overflowWords),
    WebSocket: findWebSocket(options.WebSocket),
  };
}
