import { finished, type Readable, type Writable } from "node:stream";
import { SpillwayError } from "../../errors.ts";
import { wrongType } from "../../options.ts";

/** A reason as Node's streams want it: an error, whatever was given. */
export function toError(reason: unknown, what: string): Error {
  if (reason instanceof Error) return reason;
  return new SpillwayError("SPW_ERR_ABORTED", what, { cause: reason });
}

/** What a Node stream ended with; one that was destroyed without a word has a code of ours. */
export function fromNodeError(error: NodeJS.ErrnoException, what: string): Error {
  if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") return error;
  return new SpillwayError("SPW_ERR_CLOSED", what, { cause: error });
}

/**
 * Destroys a Node stream.
 *
 * @returns once it has let go of what is behind it; never rejects, for the error is its caller's
 */
export function destroy(stream: Readable | Writable, error?: Error): Promise<void> {
  return new Promise((resolve) => {
    stream.on("error", ignore);
    // First, for a stream that emits no "close" can only be asked whether it has closed.
    stream.destroy(error);
    const unwatch = finished(stream, () => {
      unwatch();
      stream.off("error", ignore);
      resolve();
    });
  });
}

/** Who destroyed a stream knows why; without a listener for "error" the process would end. */
function ignore(): void {}

export function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw wrongType("signal", "an AbortSignal", signal);
  }
  return signal;
}

/** Calls `stop` with the reason when `signal` aborts; the function returned forgets about it. */
export function onAbort(
  signal: AbortSignal | undefined,
  stop: (reason: unknown) => void,
): () => void {
  const listener = (): void => stop(signal?.reason);
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", listener, { once: true });
  return () => signal?.removeEventListener("abort", listener);
}
