import { describe, expect, test } from "vitest";
import { checkFunction, checkNumber, checkOneOf, outOfRange, wrongType } from "./options.ts";

const coded = expect.objectContaining({ code: "SPW_ERR_OPTION" });

describe("checkNumber()", () => {
  const range = { min: 1, max: 10, integer: true };

  test("gives the fallback for undefined only", () => {
    expect(checkNumber("count", undefined, 5, range)).toBe(5);
    expect(() => checkNumber("count", null as never, 5, range)).toThrow(TypeError);
  });

  test.each([1, 5, 10])("takes %d", (value) => {
    expect(checkNumber("count", value, 5, range)).toBe(value);
  });

  test.each([0, 11, 1.5, NaN, Infinity, -Infinity])("refuses %d", (value) => {
    const check = (): number => checkNumber("count", value, 5, range);
    expect(check).toThrow(RangeError);
    expect(check).toThrow(coded);
  });

  test("takes Infinity for a whole number without max", () => {
    expect(checkNumber("count", Infinity, 5, { min: 1, integer: true })).toBe(Infinity);
  });

  test.each(["5", 5n, true, {}])("coerces nothing (%o)", (value) => {
    const check = (): number => checkNumber("count", value as never, 5, range);
    expect(check).toThrow(TypeError);
    expect(check).toThrow(coded);
  });

  test("says what it got and what it wants", () => {
    expect(() => checkNumber("count", 11, 5, range)).toThrow(
      "Cannot use option count: got 11, want a whole number from 1 to 10",
    );
  });
});

describe("checkOneOf()", () => {
  const words = ["none", "last"] as const;

  test("gives the value, or the fallback for undefined", () => {
    expect(checkOneOf("retain", "last", "none", words)).toBe("last");
    expect(checkOneOf("retain", undefined, "none", words)).toBe("none");
  });

  test("refuses other words and other types", () => {
    expect(() => checkOneOf("retain", "first" as "last", "none", words)).toThrow(
      'Cannot use option retain: got "first", want one of none, last',
    );
    expect(() => checkOneOf("retain", "first" as "last", "none", words)).toThrow(RangeError);
    expect(() => checkOneOf("retain", true as never, "none", words)).toThrow(TypeError);
  });
});

describe("checkFunction()", () => {
  test("gives a function or undefined", () => {
    const size = (): number => 1;
    expect(checkFunction("size", size)).toBe(size);
    expect(checkFunction("size", undefined)).toBeUndefined();
  });

  test.each([null, 1, "size", {}])("refuses %o", (value) => {
    expect(() => checkFunction("size", value as never)).toThrow(TypeError);
    expect(() => checkFunction("size", value as never)).toThrow(coded);
  });
});

describe("wrongType() and outOfRange()", () => {
  test("carry the code", () => {
    expect(wrongType("size", "a function", null)).toEqual(coded);
    expect(outOfRange("size", "a number", "big")).toEqual(coded);
  });

  test("name what was given", () => {
    expect(wrongType("size", "a function", null).message).toContain("got null, want a function");
    expect(wrongType("size", "a function", 1).message).toContain("got number");
    expect(outOfRange("size", "a number", "big").message).toContain('got "big"');
  });
});
