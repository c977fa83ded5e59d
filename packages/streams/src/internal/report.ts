/** Reports what a listener threw as uncaught, as platforms do for their own events. */
export function reportUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
