/** Fails unless both are the same value, or arrays of the same values. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const isSame = Array.isArray(expected)
    ? Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((each, index) => Object.is(each, actual[index]))
    : Object.is(actual, expected);
  if (!isSame) throw new Error(`${what}: ${show(actual)}, expected ${show(expected)}`);
}

export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Not so: ${what}`);
}

/** Fails unless the function throws; gives what it threw. */
export function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown");
}

/** Fails unless the promise rejects; gives its reason. It may be waited for later. */
export function rejection(promise: Promise<unknown>): Promise<unknown> {
  const reason = promise.then(
    (value) => {
      throw new Error(`Fulfilled with ${show(value)}, expected a rejection`);
    },
    (error: unknown) => error,
  );
  reason.catch(() => {});
  return reason;
}

export function isTypeError(error: unknown): void {
  holds(error instanceof TypeError, `${show(error)} is a TypeError`);
}

/** Fails unless it is a `DOMException` of that name. */
export function isDomException(error: unknown, name: string): void {
  holds(error instanceof DOMException, `${show(error)} is a DOMException`);
  equal((error as DOMException).name, name, "its name");
}

/** Whether a promise is still pending once everything that is due now has run. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = {};
  const winner = await Promise.race([promise.catch(() => {}), nextTask().then(() => pending)]);
  return winner === pending;
}

async function nextTask(): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve));
}

function show(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
