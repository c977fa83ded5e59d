/** The allowed values of {@link checkNumber}; both ends are among them. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly integer?: boolean;
}

/** The longest delay a timer takes; a longer one fires at once. */
export const MAX_TIMER_MS = 2_147_483_647;

export function checkNumber(name: string, value: number, range: NumberRange): number {
  const { min, max, integer = false } = range;
  if (typeof value !== "number") throw wrongType(name, "a number", value);
  if (!(value >= min && value <= max) || (integer && !Number.isInteger(value))) {
    const kind = integer ? "a whole number" : "a number";
    throw new RangeError(
      `Cannot use option ${name}: got ${value}, want ${kind} from ${min} to ${max}`,
    );
  }
  return value;
}

export function checkOneOf<Value extends string>(
  name: string,
  value: Value,
  allowed: readonly Value[],
): Value {
  const list = `one of ${allowed.map((word) => JSON.stringify(word)).join(", ")}`;
  if (typeof value !== "string") throw wrongType(name, list, value);
  if (!allowed.includes(value)) {
    throw new RangeError(`Cannot use option ${name}: got ${JSON.stringify(value)}, want ${list}`);
  }
  return value;
}

/** The address of a peer; TLS would put buffers of its own between the peer and the kernel. */
export function checkUrl(url: string | URL): URL {
  const parsed = new URL(url);
  if (parsed.protocol !== "ws:") {
    throw new RangeError(
      `Cannot connect to ${parsed.href}: got the scheme ${parsed.protocol}, want ws:`,
    );
  }
  return parsed;
}

export function wrongType(name: string, wanted: string, value: unknown): TypeError {
  const given = value === null ? "null" : typeof value;
  return new TypeError(`Cannot use option ${name}: got ${given}, want ${wanted}`);
}
