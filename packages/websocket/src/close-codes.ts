import type { SpillwayErrorCode } from "@spillway/streams";

/**
 * The close code that tells the peer why, for every error that ends a connection.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
 */
export const closeCodes: Readonly<Partial<Record<SpillwayErrorCode, number>>> = {
  SPW_ERR_ABORTED: 1011,
  SPW_ERR_BUDGET: 1013,
  SPW_ERR_CHUNK: 1011,
  SPW_ERR_CLOSED: 1000,
  SPW_ERR_CREDIT: 1008,
  SPW_ERR_HANDLER: 1011,
  SPW_ERR_MESSAGE_TOO_BIG: 1009,
  SPW_ERR_OVERFLOW: 1011,
  SPW_ERR_PROTOCOL: 1002,
  SPW_ERR_SLOW_CONSUMER: 1013,
};

/** What a connection ended with. */
export interface CloseInfo {
  /** The peer's code, ours when we ended it, 1005 without a code, 1006 without a Close frame. */
  readonly closeCode: number;
  readonly reason: string;
  /** Whether both sides have sent a Close frame. */
  readonly wasClean: boolean;
}

/**
 * Whether an endpoint may send `code`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-7.4
 */
export function isSendable(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  const isDefined = code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006);
  return isDefined || (code >= 3000 && code <= 4999);
}
