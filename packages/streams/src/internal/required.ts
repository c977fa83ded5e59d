import { checkNumber, type NumberRange, wrongType } from "../options.ts";

/**
 * Returns an option that has no default.
 *
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 */
export function requireNumber(name: string, value: number | undefined, range: NumberRange): number {
  if (value === undefined) throw wrongType(name, "a number", value);
  return checkNumber(name, value, 0, range);
}
