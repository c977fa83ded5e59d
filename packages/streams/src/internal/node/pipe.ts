import { WritableEnd } from "../writable-end.ts";

/**
 * Pipes into a stream so that `signal` frees a write that is stalled: the pump does that, while a
 * native pipe is deaf to its signal until the write under way is over.
 */
export function pipe<T>(
  from: ReadableStream<T>,
  into: WritableStream<T>,
  signal: AbortSignal,
): Promise<void> {
  return WritableEnd.of(into) ? from.pipeTo(into, { signal }) : write(from, into, signal);
}

async function write<T>(
  from: ReadableStream<T>,
  into: WritableStream<T>,
  signal: AbortSignal,
): Promise<void> {
  const [reader, writer] = [from.getReader(), into.getWriter()];
  // Fires the signal of the stream's own controller, which a sink may heed in the midst of a write.
  const abort = (): void => void writer.abort(signal.reason).catch(() => {});
  signal.addEventListener("abort", abort);
  let hasFailed = false;
  const failed = writer.closed.catch((reason: unknown) => {
    hasFailed = true;
    return reader.cancel(reason);
  });
  try {
    for (;;) {
      await writer.ready;
      const { done, value } = await reader.read();
      if (done) break;
      writer.write(value).catch(() => {});
    }
    // A stream that has failed answers `close()` with an error of its own.
    await (hasFailed ? writer.closed : writer.close());
  } catch (reason) {
    await failed;
    throw reason;
  } finally {
    signal.removeEventListener("abort", abort);
    reader.releaseLock();
    writer.releaseLock();
  }
}
