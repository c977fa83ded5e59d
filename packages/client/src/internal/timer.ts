/** Calls back later. Where timers keep a process alive, this one does not: the socket does. */
export function startTimer(callback: () => void, delayMs: number): () => void {
  const timer: unknown = setTimeout(callback, delayMs);
  (timer as { unref?: () => void }).unref?.();
  return () => clearTimeout(timer as number);
}
