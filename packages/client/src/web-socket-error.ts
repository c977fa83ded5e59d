import { checkClose, type WebSocketCloseInfo } from "./close-info.ts";

/** Makes an error with whatever code a connection ended with. */
let uncheckedError: (message: string, closeCode: number | null, reason: string) => WebSocketError;

/**
 * What streams and promises of a connection fail with when it ends other than in order. Given to
 * `abort()` of a writable or `cancel()` of a readable, it says how to close.
 *
 * @see https://github.com/whatwg/websockets/pull/48
 *
 * @example
 * ```ts
 * import { WebSocketError, type WebSocketOpenInfo } from "@spillway/client";
 *
 * function giveUp({ writable }: WebSocketOpenInfo): Promise<void> {
 *   return writable.abort(new WebSocketError("gave up", { closeCode: 3001, reason: "no camera" }));
 * }
 * ```
 */
export class WebSocketError extends DOMException {
  #closeCode: number | null;
  #reason: string;

  static {
    uncheckedError = (message, closeCode, reason) => {
      const error = new WebSocketError(message);
      error.#closeCode = closeCode;
      error.#reason = reason;
      return error;
    };
  }

  /**
   * @param message - for people
   * @param init - how to close; a reason alone gets the code 1000
   * @throws `DOMException`: `InvalidAccessError` for a code that cannot be sent, `SyntaxError` for a
   * reason longer than 123 bytes
   */
  constructor(message: string = "", init: WebSocketCloseInfo = {}) {
    super(message, "WebSocketError");
    ({ closeCode: this.#closeCode, reason: this.#reason } = checkClose(init));
  }

  /** The code of the Close frame; null where none was given. */
  get closeCode(): number | null {
    return this.#closeCode;
  }

  /** The reason in the Close frame. */
  get reason(): string {
    return this.#reason;
  }

  get [Symbol.toStringTag](): string {
    return "WebSocketError";
  }
}

/** The error of a connection that ended, or was never opened; `cause` is what we know of the why. */
export function connectionError(
  message: string,
  { closeCode = null, reason = "" }: { closeCode?: number | null; reason?: string } = {},
  cause?: unknown,
): WebSocketError {
  const error = uncheckedError(message, closeCode, reason);
  if (cause !== undefined) Object.defineProperty(error, "cause", { value: cause });
  return error;
}

/** Writes to a connection that is closing or closed fail with this. */
export function closedError(): DOMException {
  return new DOMException("Cannot write to a closed WebSocketStream", "InvalidStateError");
}

/** How to close for what `abort()` or `cancel()` was given: as a {@link WebSocketError} says, also a platform's own. */
export function closeFor(reason: unknown): { closeCode: number | null; reason: string } {
  const none = { closeCode: null, reason: "" };
  if (!(reason instanceof DOMException) || reason.name !== "WebSocketError") return none;
  const given = reason as WebSocketError;
  try {
    return checkClose({ closeCode: given.closeCode ?? undefined, reason: given.reason });
  } catch {
    // A code that we were told may be none that we can tell.
    return none;
  }
}
