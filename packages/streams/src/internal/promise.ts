/** Whether to wait for what a function gave back. */
export function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  if (typeof value !== "object" || value === null) return false;
  return typeof (value as PromiseLike<T>).then === "function";
}
