import { isPromiseLike } from "./promise.ts";
import type { WritableEnd } from "./writable-end.ts";

/** Starts a sink of the user's, who gets the real controller; a pump waits for it as well. */
export function startSink<T>(
  start: () => unknown,
  controller: WritableStreamDefaultController,
  end: WritableEnd<T>,
): Promise<void> | undefined {
  // A close under way decides for itself.
  const error = (reason: unknown): void => {
    if (!end.isFinished) end.error(reason);
  };
  Object.defineProperty(controller, "error", { value: error });
  const started = start();
  if (!isPromiseLike(started)) return undefined;
  end.isStarting = true;
  return Promise.resolve(started).then(
    () => {
      end.isStarting = false;
      end.wake();
    },
    (reason: unknown) => {
      end.isStarting = false;
      end.error(reason);
      throw reason;
    },
  );
}
