import { SpillwayError } from "@spillway/streams";

/** The errors of `ws` about size, each with what was wrong and the close code it sends. */
const TOO_BIG = new Map<string, readonly [what: string, closeCode: number]>([
  ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", ["it is larger than maxMessageBytes", 1009]],
  ["WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", ["its frame is larger than any may be", 1009]],
  ["WS_ERR_TOO_MANY_BUFFERED_PARTS", ["it comes in more pieces than ws takes", 1008]],
]);

/** What `ws` found wrong, as our error and the close code it has sent. */
export function peerError(cause: Error & { readonly code?: string }): {
  readonly error: SpillwayError;
  readonly closeCode: number;
} {
  const code = cause.code ?? "";
  const tooBig = TOO_BIG.get(code);
  if (tooBig) {
    const [what, closeCode] = tooBig;
    const message = `Cannot receive message: ${what}`;
    return { error: new SpillwayError("SPW_ERR_MESSAGE_TOO_BIG", message, { cause }), closeCode };
  }
  // What cannot be inflated comes as an error of zlib.
  const isInvalid = code === "WS_ERR_INVALID_UTF8" || code.startsWith("Z_");
  if (isInvalid || code.startsWith("WS_ERR_")) {
    const message = `Cannot receive from peer: it broke the protocol (${cause.message})`;
    const error = new SpillwayError("SPW_ERR_PROTOCOL", message, { cause });
    return { error, closeCode: isInvalid ? 1007 : 1002 };
  }
  const message = `Cannot reach peer: the connection was lost (${cause.message})`;
  return { error: new SpillwayError("SPW_ERR_RESET", message, { cause }), closeCode: 1006 };
}
