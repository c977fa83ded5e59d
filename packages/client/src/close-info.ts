/** How a connection is closed, or was. */
export interface WebSocketCloseInfo {
  /** Ours to choose: 1000, or 3000 to 4999. Read, it may be any that RFC 6455 knows. */
  readonly closeCode?: number | undefined;
  /** At most 123 bytes of UTF-8. */
  readonly reason?: string | undefined;
}

/** A close code and a reason that may be sent. */
export interface CheckedClose {
  readonly closeCode: number | null;
  readonly reason: string;
}

const MAX_REASON_BYTES = 123;
const MAX_UNSIGNED_SHORT = 65_535;

/**
 * Converts and checks what was given as the proposal does.
 *
 * @param given - what the caller gave; nothing is as good as an empty object
 * @returns a reason without a code gets 1000, as no Close frame holds a reason alone
 * @throws `TypeError` for what is no object or no number of 16 bits, `InvalidAccessError` for a code that is not ours to send,
 * `SyntaxError` for a reason that is too long
 * @see https://websockets.spec.whatwg.org/#dom-websocket-close
 */
export function checkClose(given: WebSocketCloseInfo | null | undefined): CheckedClose {
  if (given !== undefined && Object(given) !== given && given !== null) {
    throw new TypeError(`Cannot close: got ${typeof given}, want an object`);
  }
  // Callers without types may give anything.
  const { closeCode, reason = "" }: { closeCode?: unknown; reason?: unknown } = given ?? {};
  const code = closeCode === undefined ? null : toUnsignedShort(closeCode);
  const bytes = new TextEncoder().encode(String(reason));
  // What is no Unicode has become U+FFFD.
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  if (code !== null && code !== 1000 && !(code >= 3000 && code <= 4999)) {
    const message = `Cannot close with code ${code}: want 1000, or 3000 to 4999`;
    throw new DOMException(message, "InvalidAccessError");
  }
  if (bytes.byteLength > MAX_REASON_BYTES) {
    const length = bytes.byteLength;
    const message = `Cannot close with a reason of ${length} bytes: the limit is ${MAX_REASON_BYTES}`;
    throw new DOMException(message, "SyntaxError");
  }
  return { closeCode: code ?? (text === "" ? null : 1000), reason: text };
}

/** As `[EnforceRange] unsigned short`. */
function toUnsignedShort(given: unknown): number {
  const value = Math.trunc(Number(given));
  if (value >= 0 && value <= MAX_UNSIGNED_SHORT) return value;
  throw new TypeError(`Cannot close with code ${value}: want a number from 0 to 65535`);
}
