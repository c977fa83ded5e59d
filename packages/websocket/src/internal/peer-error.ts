import { SpillwayError } from "@spillway/streams";

/** What `ws` found wrong, as our error and the close code it has sent. */
export function peerError(cause: Error & { readonly code?: string }): {
  readonly error: SpillwayError;
  readonly closeCode: number;
} {
  const code = cause.code ?? "";
  if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") {
    const message = "Cannot receive message: it is larger than maxMessageBytes";
    return {
      error: new SpillwayError("SPW_ERR_MESSAGE_TOO_BIG", message, { cause }),
      closeCode: 1009,
    };
  }
  if (code.startsWith("WS_ERR_")) {
    const message = `Cannot receive from peer: it broke the protocol (${cause.message})`;
    const closeCode = code === "WS_ERR_INVALID_UTF8" ? 1007 : 1002;
    return { error: new SpillwayError("SPW_ERR_PROTOCOL", message, { cause }), closeCode };
  }
  const message = `Cannot reach peer: the connection was lost (${cause.message})`;
  return { error: new SpillwayError("SPW_ERR_RESET", message, { cause }), closeCode: 1006 };
}
