import { checkNumber, MAX_TIMER_MS } from "./internal/check.ts";
import { nowMs, startTimer, stopTimer } from "./internal/clock.ts";

/** How long {@link waitFor} looks, and what it says when it gives up. */
export interface WaitForOptions {
  /**
   * The longest wait, in milliseconds of real time.
   *
   * @defaultValue `5_000`
   */
  readonly timeoutMs?: number | undefined;
  /**
   * What is awaited, as a noun phrase: it ends the sentence "Cannot wait longer for …".
   *
   * @defaultValue `"the condition"`
   */
  readonly message?: string | undefined;
  /** Gives up the wait; it rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits until a predicate holds: for what real sockets do and no event tells.
 *
 * The predicate is called about once a millisecond, in real time, and the event loop runs between
 * two calls, so a server in the same process goes on.
 *
 * @param predicate - looked at until it returns true; an error it throws ends the wait
 * @param options - the bound, and its message
 * @throws `Error` that names what was awaited and for how long, when `timeoutMs` have passed
 * @throws `TypeError` or `RangeError` when `timeoutMs` is no delay a timer takes
 *
 * @example
 * ```ts
 * import { waitFor } from "@spillway/testing";
 *
 * const sockets = new Set<string>();
 * setTimeout(() => sockets.add("viewer"), 20);
 * await waitFor(() => sockets.size === 1, { timeoutMs: 1_000, message: "the viewer" });
 * ```
 */
export async function waitFor(
  predicate: () => boolean | PromiseLike<boolean>,
  options: WaitForOptions = {},
): Promise<void> {
  const { timeoutMs = 5_000, message = "the condition", signal } = options;
  checkNumber("timeoutMs", timeoutMs, { min: 0, max: MAX_TIMER_MS });
  signal?.throwIfAborted();
  const startedMs = nowMs();

  await new Promise<void>((resolve, reject) => {
    let poll: ReturnType<typeof startTimer> | undefined;
    let over = false;
    const finish = (settle: () => void): void => {
      over = true;
      stopTimer(poll);
      stopTimer(bound);
      signal?.removeEventListener("abort", onAbort);
      settle();
    };
    const onAbort = (): void => finish(() => reject(signal?.reason));
    const look = async (): Promise<void> => {
      try {
        const holds = await predicate();
        if (over) return;
        if (holds) finish(resolve);
        else poll = startTimer(() => void look(), 1);
      } catch (error) {
        finish(() => reject(error));
      }
    };
    // A timer of its own, because a predicate may return a promise that never settles.
    const bound = startTimer(() => {
      const passedMs = Math.round(nowMs() - startedMs);
      const limits = `${passedMs} ms passed and the limit is ${timeoutMs} ms`;
      finish(() => reject(new Error(`Cannot wait longer for ${message}: ${limits}`)));
    }, timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    void look();
  });
}
