import { describe, expect, test } from "vitest";
import { SpillwayError } from "./errors.ts";

describe("SpillwayError", () => {
  test("carries a code, a message and a cause", () => {
    const cause = new Error("before");
    const error = new SpillwayError("SPW_ERR_CLOSED", "Cannot publish", { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error.code).toBe("SPW_ERR_CLOSED");
    expect(error.message).toBe("Cannot publish");
    expect(error.cause).toBe(cause);
  });

  test("goes by its name", () => {
    const error = new SpillwayError("SPW_ERR_CLOSED", "Cannot publish");
    expect(error.name).toBe("SpillwayError");
    expect(String(error)).toBe("SpillwayError: Cannot publish");
    expect("cause" in error).toBe(false);
  });
});
