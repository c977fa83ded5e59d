import { startTimer, stopTimer } from "./clock.ts";

/** Real time a promise of a contract may take; a healthy one takes microtasks. */
const PATIENCE_MS = 2_000;

export function fail(message: string, cause?: unknown): never {
  throw new Error(message, { cause });
}

/** Waits for a promise, whichever way it settles, and fails when it stays pending. */
export async function settles<T>(
  promise: Promise<T>,
  what: string,
): Promise<PromiseSettledResult<T>> {
  let bound: ReturnType<typeof startTimer> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    bound = startTimer(() => {
      reject(new Error(`Cannot settle ${what}: it was pending for ${PATIENCE_MS} ms`));
    }, PATIENCE_MS);
  });
  try {
    const [result] = await Promise.race([Promise.allSettled([promise]), late]);
    return result;
  } finally {
    stopTimer(bound);
  }
}

export async function fulfils<T>(promise: Promise<T>, what: string): Promise<T> {
  const result = await settles(promise, what);
  if (result.status === "fulfilled") return result.value;
  return fail(`Cannot fulfil ${what}: it rejected with ${String(result.reason)}`, result.reason);
}

/** Waits for a rejection with this very reason. */
export async function rejectsWith(
  promise: Promise<unknown>,
  reason: unknown,
  what: string,
): Promise<void> {
  const result = await settles(promise, what);
  if (result.status === "fulfilled") return fail(`Cannot reject ${what}: it was fulfilled`);
  if (result.reason !== reason) {
    const words = `got ${String(result.reason)}, want the very reason ${String(reason)}`;
    fail(`Cannot carry the reason to ${what}: ${words}`, result.reason);
  }
}
