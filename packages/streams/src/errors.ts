/** What went wrong, as a stable word; a code is never reused. */
export type SpillwayErrorCode =
  | "SPW_ERR_ABORTED"
  | "SPW_ERR_BUDGET"
  | "SPW_ERR_CHUNK"
  | "SPW_ERR_CLOSED"
  | "SPW_ERR_CREDIT"
  | "SPW_ERR_HANDLER"
  | "SPW_ERR_MESSAGE_TOO_BIG"
  | "SPW_ERR_OPTION"
  | "SPW_ERR_OVERFLOW"
  | "SPW_ERR_PROTOCOL"
  | "SPW_ERR_RESET"
  | "SPW_ERR_SLOW_CONSUMER"
  | "SPW_ERR_SOURCE"
  | "SPW_ERR_TIMEOUT";

/**
 * The one error class of Spillway; `code` says which case it is, `cause` what led to it.
 *
 * @example
 * ```ts
 * import { SpillwayError } from "@spillway/streams";
 *
 * function isOverflow(error: unknown): boolean {
 *   return error instanceof SpillwayError && error.code === "SPW_ERR_OVERFLOW";
 * }
 * ```
 */
export class SpillwayError extends Error {
  override readonly name = "SpillwayError";
  readonly code: SpillwayErrorCode;

  /**
   * @param code - the case, one of {@link SpillwayErrorCode}
   * @param message - what could not be done, then the actual value and the allowed one
   * @param options - `cause`: the error that led here
   */
  constructor(code: SpillwayErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
