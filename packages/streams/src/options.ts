/**
 * Checks that Spillway's packages share: options are checked once, when the thing is made, and
 * nothing is coerced. A wrong type throws `TypeError`, a value out of range `RangeError`; both
 * carry `code: "SPW_ERR_OPTION"`.
 *
 * @module
 */

/** The longest delay a timer takes, in milliseconds; a longer one would fire at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** The bounds of {@link checkNumber}; both ends are allowed values. */
export interface NumberRange {
  readonly min: number;
  readonly max?: number | undefined;
  /** Refuses fractions; `Infinity` passes where `max` allows it. */
  readonly integer?: boolean | undefined;
}

/**
 * Returns `value`, or `fallback` when it is `undefined`.
 *
 * @param name - how the caller wrote the option
 * @param value - what the caller gave
 * @param fallback - the documented default
 * @param range - the values allowed
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 */
export function checkNumber(
  name: string,
  value: number | undefined,
  fallback: number,
  range: NumberRange,
): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number") throw wrongType(name, "a number", value);
  const { min, max = Infinity, integer = false } = range;
  const whole = !integer || Number.isInteger(value) || value === Infinity;
  if (!(value >= min && value <= max && whole)) {
    const kind = integer ? "a whole number" : "a number";
    throw outOfRange(name, `${kind} from ${min} to ${max}`, value);
  }
  return value;
}

/**
 * Returns `value` when it is one of `allowed`, or `fallback` when it is `undefined`.
 *
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 */
export function checkOneOf<const Value extends string>(
  name: string,
  value: Value | undefined,
  fallback: Value,
  allowed: readonly Value[],
): Value {
  if (value === undefined) return fallback;
  if (allowed.includes(value)) return value;
  const wanted = `one of ${allowed.join(", ")}`;
  throw (typeof value === "string" ? outOfRange : wrongType)(name, wanted, value);
}

/**
 * Returns `value` when it is a function or `undefined`.
 *
 * @throws `TypeError` with `code: "SPW_ERR_OPTION"`
 */
export function checkFunction<Value extends ((...args: never[]) => unknown) | undefined>(
  name: string,
  value: Value,
): Value {
  if (value !== undefined && typeof value !== "function") {
    throw wrongType(name, "a function", value);
  }
  return value;
}

/**
 * Returns `value`, or `false` when it is `undefined`.
 *
 * @throws `TypeError` with `code: "SPW_ERR_OPTION"`
 */
export function checkBoolean(name: string, value: boolean = false): boolean {
  if (typeof value !== "boolean") throw wrongType(name, "a boolean", value);
  return value;
}

/** Says that option `name` has the wrong type. */
export function wrongType(name: string, wanted: string, value: unknown): TypeError {
  const given = value === null ? "null" : typeof value;
  return coded(new TypeError(`Cannot use option ${name}: got ${given}, want ${wanted}`));
}

/** Says that option `name` has a value that is not allowed. */
export function outOfRange(name: string, wanted: string, value: unknown): RangeError {
  const given = typeof value === "string" ? JSON.stringify(value) : String(value);
  return coded(new RangeError(`Cannot use option ${name}: got ${given}, want ${wanted}`));
}

function coded<Failure extends Error>(error: Failure): Failure {
  return Object.assign(error, { code: "SPW_ERR_OPTION" });
}
